# SPDX-License-Identifier: Apache-2.0
"""A running devyard, as the service tests see it: its URLs, requests to it, its logs."""

import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import time
import urllib.parse

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|runtime error:")
READY_SECONDS = 120
STOP_SECONDS = 60


def build_tree():
    """$YARD_BUILD, or the sanitizer build, or the plain one, or the source tree itself."""
    named = os.environ.get("YARD_BUILD")
    if named:
        return pathlib.Path(named).resolve()
    found = [SOURCE / name for name in ("build-san", "build", ".") if (SOURCE / name / "Makefile").exists()]
    return found[0] if found else SOURCE / "build"


def sanitizer_reports(text):
    """The lines in which a sanitizer complains, with some of what follows."""
    lines = text.splitlines()
    hits = [number for number, line in enumerate(lines) if SANITIZER_REPORT.search(line)]
    return "\n".join("\n".join(lines[number:number + 30]) for number in hits[:3])


def wait_for(condition, seconds=20, what="the condition"):
    """Ask until it says something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.05)


class Reply:
    """Status, headers and body of an answer."""

    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def request(method, url, body=None, headers=None, token=None, ca_file=None, timeout=30):
    """One request on a connection of its own. A dict or list as `body` is sent as JSON."""
    parts = urllib.parse.urlsplit(url)
    headers = dict(headers or {})
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body, headers=headers)
        response = connection.getresponse()
        return Reply(response, response.read())
    finally:
        connection.close()


class Yard:
    """devyard in a folder. Use as a context manager."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.build = build_tree()
        self.values = {}
        self.process = None
        self.log_seen = {}

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / "devyard.err", "ab") as errors:
            self.process = subprocess.Popen([SOURCE / "tools" / "devyard", self.directory], stdout=subprocess.PIPE,
                                            stderr=errors, text=True, env=dict(os.environ, YARD_BUILD=str(self.build)))
        deadline = time.monotonic() + READY_SECONDS
        for line in self.process.stdout:
            if line.strip() == "READY":
                return self
            name, _, value = line.strip().partition("=")
            self.values[name] = value
            if time.monotonic() > deadline:
                break
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"devyard did not start: {(self.directory / 'devyard.err').read_text()}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_SECONDS)
        assert status == 0, f"devyard ended with status {status}: {(self.directory / 'devyard.err').read_text()}"
        assert self.new_sanitizer_reports() == ""

    @property
    def token(self):
        return self.values["ADMIN_TOKEN"]

    @property
    def ca_file(self):
        return self.values["CA_FILE"]

    def url(self, daemon):
        return self.values[f"{daemon.upper()}_URL"]

    def request(self, daemon, method, path, body=None, token=None, **more):
        """`token`: a string, or "" for none; the admin's for apid and redfishd unless said otherwise."""
        if token is None and daemon in ("apid", "redfishd"):
            token = self.token
        return request(method, self.url(daemon) + path, body=body, token=token or None, ca_file=self.ca_file, **more)

    def pid(self, daemon):
        return int((self.directory / "run" / f"{daemon}.pid").read_text())

    def kill(self, daemon, number=signal.SIGKILL):
        """End a daemon and wait until devyard has started it again."""
        before = self.pid(daemon)
        os.kill(before, number)
        wait_for(lambda: self.pid(daemon) != before, what=f"the new {daemon}")
        wait_for(lambda: self.is_up(daemon), what=f"{daemon}'s answer")

    def is_up(self, daemon):
        try:
            return self.request(daemon, "GET", "/healthz", token="").status == 200
        except OSError:
            return False

    def log(self, daemon):
        return (self.directory / "log" / f"{daemon}.log").read_text(errors="replace")

    def new_sanitizer_reports(self):
        """What sanitizers wrote since the last call."""
        reports = []
        for path in sorted((self.directory / "log").glob("*.log")):
            with open(path, "rb") as log:
                log.seek(self.log_seen.get(path, 0))
                text = log.read().decode(errors="replace")
                self.log_seen[path] = log.tell()
            report = sanitizer_reports(text)
            if report:
                reports.append(f"{path.name}:\n{report}")
        return "\n".join(reports)
