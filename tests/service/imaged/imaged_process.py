# SPDX-License-Identifier: Apache-2.0
"""A real imaged on loopback, started from the build tree."""

import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.parse

import yardlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = yardlib.build_tree()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not become so in time")


class Imaged:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.settings = {"open": "yes", "keep_free": "0", "upstream_timeout": "5s"}
        self.allowed = "127.0.0.1:*"
        self.sections = "[registry 127.0.0.1:*]\nhttp = yes\nprivate = yes\n"
        self.process = None
        self.images = folder / "images"
        (folder / "run").mkdir()

    def write_conf(self):
        lines = "".join(f"{key} = {value}\n" for key, value in self.settings.items())
        (self.folder / "imaged.conf").write_text(
            f"[daemon]\nstate_dir = {self.folder}\nrun_dir = {self.folder}/run\n"
            f"public_url = http://127.0.0.1:{self.port}\nlog_level = debug\n"
            f"[listen]\naddress = 127.0.0.1\nhttp_port = {self.port}\n"
            f"[imaged]\nimages_dir = {self.images}\nallowed_registries = {self.allowed}\n{lines}{self.sections}")

    def start(self):
        self.write_conf()
        self.log = open(self.folder / "imaged.log", "ab")
        self.process = subprocess.Popen([BUILD / "daemons/imaged/imaged", "--config", self.folder / "imaged.conf"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        eventually(self.answers)
        return self

    def answers(self):
        assert self.process.poll() is None, self.log_text()
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def log_text(self):
        return (self.folder / "imaged.log").read_text(errors="replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self.log.close()
        assert status == 0, self.log_text()[-4000:]

    def open(self, path, headers=None, method="GET", timeout=30):
        """The reply with its body still to be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        reply = connection.getresponse()
        reply.connection = connection
        return reply

    def get(self, path, headers=None, method="GET", timeout=30):
        reply = self.open(path, headers, method, timeout)
        reply.content = reply.read()
        reply.connection.close()
        return reply

    def resolve(self, reference, **query):
        reply = self.get("/resolve?" + urllib.parse.urlencode({"ref": reference, **query}))
        reply.json = json.loads(reply.content)
        return reply

    def metric(self, name):
        text = self.get("/metrics").content.decode()
        return int(re.search(rf"^bootyard_imaged_{name} (\d+)$", text, re.M)[1])

    def blob_file(self, digest):
        return self.images / "blobs/sha256" / digest.split(":")[1]

    def partial_file(self, digest):
        return self.images / "partial" / digest.split(":")[1]
