# SPDX-License-Identifier: Apache-2.0
"""A real bootd with a machine DB of its own, a firmware's way to ask it, and a reader of what it answers."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import tempfile

import yardlib

SCRIPT = re.compile(
    r"#!ipxe\n"
    r"echo bootyard: (?P<title>[^\n]*)\n"
    r"kernel (?P<kernel>\S+) initrd=initramfs initrd=deploy\.cpio(?P<args>[^\n]*)\n"
    r"initrd --name initramfs (?P<initramfs>\S+)\n"
    r"initrd --name deploy\.cpio (?P<archive>\S+)\n"
    r"boot\n")
WAIT = re.compile(
    r"#!ipxe\n"
    r"echo bootyard: (?P<text>[^\n]*)\n"
    r"echo bootyard: asking again in (?P<seconds>\d+) s\n"
    r":again\n"
    r"sleep (?P=seconds)\n"
    r"chain --autofree --replace (?P<url>\S+) \|\| goto again\n")
NEXT_ENTRY = "set bootyard-answer next\nexit 1\n"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def kind_of(text):
    """What a script tells a firmware to do."""
    if SCRIPT.fullmatch(text):
        return "agent"
    if WAIT.fullmatch(text):
        return "wait"
    if "sanboot --no-describe --drive 0x80" in text and text.endswith(NEXT_ENTRY):
        return "disk"
    if text.endswith(NEXT_ENTRY):
        return "next"
    raise AssertionError(f"a script of no known form:\n{text}")


def unpack(archive):
    """{path: (mode, content)} of a cpio archive, by cpio itself."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cpio", "-idm", "--quiet", "--no-absolute-filenames"], input=archive, cwd=folder, check=True)
        found = {}
        for path in pathlib.Path(folder).rglob("*"):
            status = path.stat()
            content = path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(folder))] = (stat.S_IMODE(status.st_mode), content)
        return found


def read_vars(archive):
    text = unpack(archive)["deploy/vars"][1].decode()
    return dict(re.fullmatch(r'export (\w+)="(.*)"', line).groups() for line in text.splitlines())


def ask(url, method="GET", source="127.0.0.1", headers=None):
    """One request from a loopback address of one's choice."""
    host, _, rest = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30, source_address=(source, 0))
    try:
        connection.request(method, "/" + rest, headers=headers or {})
        response = connection.getresponse()
        return yardlib.Reply(response, response.read())
    finally:
        connection.close()


class Bootd:
    """Use as a context manager. `conf` is appended to the configuration."""

    def __init__(self, folder, conf="", policy="", boot=""):
        self.dir = pathlib.Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.run_dir = tempfile.TemporaryDirectory(prefix="bootd.")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.kernel, self.initramfs = self.dir / "vmlinuz", self.dir / "initramfs"
        self.kernel.write_bytes(b"kernel" * 1000)
        self.initramfs.write_bytes(b"initramfs" * 1000)
        (self.dir / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\nyard\n-----END CERTIFICATE-----\n")
        self.conf = self.dir / "bootd.conf"
        self.conf.write_text(
            f"[daemon]\nstate_dir = {self.dir}\nrun_dir = {self.run_dir.name}\n"
            f"[listen]\naddress = 127.0.0.1\nhttp_port = {self.port}\nca = {self.dir}/ca.crt\n"
            f"[boot]\nkernel_amd64 = {self.kernel}\ninitramfs_amd64 = {self.initramfs}\nargs_amd64 = console=ttyS0\n{boot}"
            f"[policy]\n{policy}[statusd]\nurl = https://yard.example:8444/\n{conf}")
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        status = 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(60)
        self.run_dir.cleanup()
        assert status == 0, self.log()
        assert not yardlib.sanitizer_reports(self.log())

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def start(self):
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen([yardlib.build_tree() / "daemons/bootd/bootd", "--config", self.conf],
                                            stdout=log, stderr=log)
        yardlib.wait_for(self.is_up, what="bootd's answer")

    def is_up(self):
        assert self.process.poll() is None, self.log()
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def get(self, path, **more):
        return ask(self.url + path, **more)

    def seed(self, verb, *arguments):
        result = subprocess.run([yardlib.build_tree() / "tests/service/yardseed", self.dir, verb, *arguments],
                                capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def timeline(self, name, kind=None):
        return [event for event in self.seed("timeline", name) if kind in (None, event["kind"])]


class Firmware:
    """One machine at a bootd, from one address."""

    def __init__(self, bootd, name, mac, source="127.0.0.1"):
        self.bootd, self.name, self.mac, self.source = bootd, name, mac, source

    def ask(self):
        reply = self.bootd.get(f"/ipxe/mac/{self.mac}", source=self.source)
        assert reply.status == 200, reply
        return reply.text

    def boot(self):
        """Follow the agent's script; the variables."""
        script = SCRIPT.fullmatch(self.ask())
        assert script
        reply = ask(script["archive"], source=self.source)
        assert reply.status == 200, reply
        return read_vars(reply.body)
