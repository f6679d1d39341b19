# SPDX-License-Identifier: Apache-2.0
"""A real statusd with a machine DB of its own, and an agent's way to speak to it."""

import http.client
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import yardlib

BUILD = yardlib.build_tree()
PORT_TRIES = 5
SECONDS = 30  # how long anything may take before it counts as never


def wait_for(condition, what):
    """The condition's first true value; fails after a bounded time."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


def free_ports(count):
    """Ports that nobody has on any address at this moment; all are held until the last is known."""
    sockets = [socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) for _ in range(count)]
    try:
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def outside_address():
    """An address of this host that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return sock.getsockname()[0]


class PortTaken(Exception):
    """Somebody else was quicker."""


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Statusd:
    def __init__(self, folder, extra=""):
        self.dir = pathlib.Path(folder)
        (self.dir / "run").mkdir(exist_ok=True)
        self.conf = self.dir / "statusd.conf"
        self.log = open(self.dir / "statusd.log", "ab")
        self._certificate()
        for _ in range(PORT_TRIES):
            self._configure(extra)
            try:
                self.start()
                return
            except PortTaken:
                pass
        raise AssertionError("others were quicker on every port")

    def _configure(self, extra):
        self.port, self.tls_port = free_ports(2)
        self.conf.write_text(
            f"[daemon]\nstate_dir = {self.dir}\nrun_dir = {self.dir}/run\n"
            f"[listen]\naddress = ::\nhttp_port = {self.port}\nhttps_port = {self.tls_port}\n"
            f"certificate = {self.dir}/server.crt\nkey = {self.dir}/server.key\n{extra}"
        )

    def _certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=statusd", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.dir / "server.key",
             "-out", self.dir / "server.crt"],
            check=True, capture_output=True)

    def start(self):
        self.process = subprocess.Popen([BUILD / "daemons/statusd/statusd", "--config", self.conf], stderr=self.log,
                                        stdout=self.log)
        wait_for(self._answers, "statusd answers")

    def _answers(self):
        if self.process.poll() is not None:
            log = (self.dir / "statusd.log").read_text()
            raise PortTaken() if "Address already in use" in log[-300:] else AssertionError(log)
        try:
            return self.call("GET", "/healthz").status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Told to end; the exit status says what sanitizers found."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=SECONDS)

    def connect(self, source="127.0.0.1", host=None, tls=False):
        host = host or "127.0.0.1"
        if tls:
            context = ssl.create_default_context(cafile=self.dir / "server.crt")
            return http.client.HTTPSConnection(host, self.tls_port, timeout=SECONDS, context=context)
        return http.client.HTTPConnection(host, self.port, timeout=SECONDS, source_address=(source, 0))

    def call(self, method, path, body=None, token=None, type="text/plain", headers=None, **where):
        connection = self.connect(**where)
        try:
            sent = dict(headers or {})
            if body is not None:
                sent["Content-Type"] = type
            if token:
                sent["Authorization"] = f"Bearer {token}"
            if isinstance(body, str):
                body = body.encode()
            connection.request(method, path, body, sent)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def seed(self, verb, *arguments):
        done = subprocess.run([BUILD / "tests/service/yardseed", self.dir, verb, *arguments], capture_output=True, text=True,
                              timeout=SECONDS)
        assert done.returncode == 0, f"yardseed {verb}: {done.stderr}"
        return json.loads(done.stdout)


class Agent:
    """A machine with a deployment (or in standby) whose archive was fetched from 127.0.0.1."""

    number = 0

    def __init__(self, statusd, standby=False, quiet=False, address="127.0.0.1"):
        Agent.number += 1
        self.statusd = statusd
        self.name = f"m{Agent.number}"
        self.standby = standby
        statusd.seed("machine", self.name, f"52:54:00:00:{Agent.number >> 8:02x}:{Agent.number & 255:02x}")
        self.deployment = None
        if not standby:
            self.deployment = statusd.seed("deploy", self.name, *(["quiet"] if quiet else []))["id"]
        self.boot(address)

    def boot(self, address="127.0.0.1"):
        booted = self.statusd.seed("boot", self.name, address, *(["standby"] if self.standby else []))
        assert booted["answer"] == 0 and not booted["refused"], booted
        self.token, self.phone_home_token = booted["token"], booted["phone_home_token"]
        return booted

    def post(self, path, body="", **more):
        more.setdefault("token", self.token)
        return self.statusd.call("POST", path, body, **more)

    def post_json(self, path, document, **more):
        return self.post(path, json.dumps(document), type="application/json", **more)

    def phone_home(self, **more):
        call = {"hostname": "w1", "boot_id": "b2", "machine_id": "0123456789abcdef0123456789abcdef"}
        call.update(more.pop("document", {}))
        more.setdefault("token", self.phone_home_token)
        return self.post_json("/phone-home", call, **more)

    def state(self):
        return self.statusd.seed("deployment", self.deployment)["state"]

    def shown(self):
        return self.statusd.seed("deployment", self.deployment)

    def timeline(self, kind=None):
        events = self.statusd.seed("timeline", self.name)
        return [event for event in events if kind is None or event["kind"] == kind]

    def logs(self, after=0):
        return self.statusd.seed("logs", self.name, str(after))
