# SPDX-License-Identifier: Apache-2.0
"""One apid with a state folder of its own, a client that speaks to it, and an imaged whose answers a test decides."""

import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import urllib.parse

import yardlib

TOP = pathlib.Path(__file__).resolve().parents[3]
BUILD = yardlib.build_tree()
APID = BUILD / "daemons/apid/apid"
YARDCTL = BUILD / "tools/yardctl/yardctl"

DIGEST = "sha256:" + "a1" * 32
LAYER = "sha256:" + "b2" * 32


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=10, what="condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"no {what} within {seconds} s")


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def detail(self):
        """The detail of a problem document, which this must be."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.body
        problem = self.json
        assert problem["status"] == self.status and problem["code"] and problem["title"]
        return problem["detail"]


class FakeImaged:
    """Answers GET /resolve with `status` and `document`, and remembers what was asked."""

    def __init__(self):
        self.status, self.document, self.asked, self.delay = 200, {}, [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                outer.asked.append({name: values[0] for name, values in query.items()})
                time.sleep(outer.delay)
                body = json.dumps(outer.document).encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.good()

    def good(self, digest=DIGEST):
        self.status = 200
        self.document = {"reference": "r", "digest": digest, "manifest_digest": digest, "layer_digest": LAYER,
                         "layer_size": 12345, "media_type": "application/vnd.oci.image.layer.v1.tar+zstd",
                         "blob_url": f"http://imaged.example/v2/r/blobs/{LAYER}"}

    def problem(self, status, detail):
        self.status, self.document = status, {"status": status, "detail": detail}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Yard:
    def __init__(self, folder, imaged_url):
        self.folder = pathlib.Path(folder)
        self.state = self.folder / "state"
        self.run = self.folder / "run"
        self.state.mkdir()
        self.run.mkdir()
        self.port = free_port()
        self.process = None
        self.yardctl_plain("ca", "init", "--dir", self.state, "--san", "localhost", "--san", "127.0.0.1")
        self.admin = self.make_token("admin", "admin")
        self.read = self.make_token("reader", "read")
        self.context = ssl.create_default_context(cafile=str(self.state / "tls/ca.crt"))
        self.conf = self.folder / "apid.conf"
        self.conf.write_text(
            f"[daemon]\nstate_dir = {self.state}\nrun_dir = {self.run}\n"
            f"[listen]\naddress = 127.0.0.1\nhttps_port = {self.port}\n"
            f"certificate = {self.state}/tls/server.crt\nkey = {self.state}/tls/server.key\n"
            f"[imaged]\nurl = {imaged_url}\ntimeout = 3s\n[limits]\nauth_failures = 20\n")
        self.start()

    def yardctl_plain(self, *words):
        done = subprocess.run([YARDCTL, *map(str, words)], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def yardctl(self, *words, token=None, timeout=60):
        """yardctl through the API; the finished process."""
        environment = {**os.environ, "YARD_URL": f"https://localhost:{self.port}", "YARD_TOKEN": token or self.admin,
                       "YARD_CA": str(self.state / "tls/ca.crt")}
        return subprocess.run([YARDCTL, *map(str, words)], capture_output=True, text=True, timeout=timeout,
                              env=environment)

    def make_token(self, name, role):
        return self.yardctl_plain("--state-dir", self.state, "token", "create", name, "--role", role).strip()

    def start(self):
        self.log = open(self.folder / "apid.log", "ab")
        self.process = subprocess.Popen([APID, "--config", self.conf], stderr=self.log, stdout=self.log)
        wait_until(self.answers, 30, "apid that answers")

    def answers(self):
        assert self.process.poll() is None, (self.folder / "apid.log").read_text()
        try:
            return self.call("GET", "/healthz", token=None).status == 200
        except OSError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(30) == 0, (self.folder / "apid.log").read_text()
        self.log.close()

    def connect(self, timeout=40):
        return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=self.context)

    def call(self, method, path, document=None, token="admin", body=None, headers=None):
        """`document` goes out as JSON, `body` as it is. token: "admin", "read", another text, or None."""
        sent = dict(headers or {})
        token = {"admin": getattr(self, "admin", None), "read": getattr(self, "read", None)}.get(token, token)
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if document is not None:
            body = json.dumps(document)
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=sent)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def rows(self, sql, *values):
        """What the DB really holds: for what no API shows."""
        with sqlite3.connect(f"file:{self.state}/yard.db?mode=ro", uri=True, timeout=10) as db:
            return db.execute(sql, values).fetchall()

    def tables(self):
        """Every table's content, to see that nothing was written."""
        names = [row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(map(repr, self.rows(f'SELECT * FROM "{name}"'))) for name in names}
