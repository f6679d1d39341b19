#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The HTTP server that test_http.c talks to: answers well, badly, late or not at all, by path.

Prints "PLAIN <port>", "TLS <port>" (certificate for 127.0.0.1), "OTHER <port>" (certificate for another
name), "CA <file>" and "READY", then serves until its standard input ends.
"""

import http.server
import itertools
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time

BODY = bytes(i * 7 % 251 for i in range(300_000))
stop = threading.Event()
seen = []  # what was POSTed below /told/, in order
counts = {}  # of requests to one path below /told/
numbers = itertools.count(1)  # of connections
posting = set()  # connections that something was POSTed on


class Peer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.number = next(numbers)
        self.posts = 0

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.reply(405, b"x" * 10)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/echo":
            lines = [self.headers.get("Authorization", "-"), self.headers.get("Content-Type", "-"),
                     self.headers.get("Host", "-"), self.headers.get("Accept", "-"),
                     self.headers.get("Bootyard-Proves-Whole", "-")]
            self.reply(200, ("\n".join(lines) + "\n").encode() + body)
        elif self.path == "/silent":
            self.get_silent()
        elif self.path.startswith("/told/"):
            # /told/<name>/500,204: the answers in turn, the last one for ever. After an answer to "closing" the
            # connection ends unannounced; a second request to "cutting" ends it without an answer.
            posting.add(self.number)
            self.posts += 1
            name, answers = self.path.removeprefix("/told/").split("/")
            count = counts.setdefault(self.path, 0)
            counts[self.path] += 1
            answers = answers.split(",")
            status = int(answers[min(count, len(answers) - 1)])
            token = self.headers.get("Authorization", "-").removeprefix("Bearer ")
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                if name == "init" and self.headers.get("Bootyard-Boot-Id") != file.read().strip():
                    name = "init-without-boot-id"
            if name == "cutting" and self.posts > 1:
                seen.append(f"cut {body.decode()}")
                self.close_connection = True
                return
            seen.append(f"{name} {status} {token} {body.decode()}")
            self.reply(status)
            self.close_connection = self.close_connection or name == "closing"
        else:
            self.reply(404)

    def get_seen(self):
        self.reply(200, "".join(line + "\n" for line in seen).encode())
        seen.clear()

    def get_posting(self):
        self.reply(200, str(len(posting)).encode())
        posting.clear()

    def get_connection(self):
        self.reply(200, str(self.number).encode())

    def get_connection_closing(self):
        self.get_connection()
        self.close_connection = True

    def do_GET(self):
        getattr(self, "get_" + self.path.strip("/").replace("-", "_"))()

    def get_body(self):
        start = self.headers.get("Range", "")
        if start and self.headers.get("If-Range", '"v1"') == '"v1"':
            first = int(start.removeprefix("bytes=").rstrip("-"))
            self.reply(206, BODY[first:], [("ETag", '"v1"'), ("Content-Range", f"bytes {first}-{len(BODY) - 1}/{len(BODY)}")])
        else:
            self.reply(200, BODY, [("ETag", '"v1"')])

    def get_wrong_range(self):
        self.reply(206, BODY[5:], [("Content-Range", f"bytes 5-{len(BODY) - 1}/{len(BODY)}")])

    def get_chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(BODY), 70_000):
            piece = BODY[at:at + 70_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def get_until_close(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(BODY)
        self.close_connection = True

    def get_cut(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:1000])
        self.close_connection = True

    def get_stall(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:1000])
        self.wfile.flush()
        stop.wait(20)
        self.close_connection = True

    def get_drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            try:
                self.wfile.write(b"x")
            except OSError:
                break
            if stop.wait(0.05):
                break
        self.close_connection = True

    def get_silent(self):
        stop.wait(20)
        self.close_connection = True

    def get_redirect(self):
        self.reply(302, b"", [("Location", "/body")])

    def get_nonsense(self):
        self.wfile.write(b"this is not http\r\n\r\n")
        self.close_connection = True


def openssl(*args, cwd):
    subprocess.run(["openssl", *args], cwd=cwd, check=True, capture_output=True, timeout=30)


def make_certificates(folder):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-subj", "/CN=test ca", "-days", "2", cwd=folder)
    for name, san in (("tls", "IP:127.0.0.1"), ("other", "DNS:elsewhere.example")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", "/CN=peer", cwd=folder)
        pathlib.Path(folder, "ext").write_text(f"subjectAltName={san}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", "ext", cwd=folder)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def serve(label, folder=None):
    server = Server(("127.0.0.1", 0), Peer)
    if folder:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/{label.lower()}.pem", f"{folder}/{label.lower()}.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(label, server.server_address[1], flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        make_certificates(folder)
        serve("PLAIN")
        serve("TLS", folder)
        serve("OTHER", folder)
        print("CA", f"{folder}/ca.pem", flush=True)
        print("READY", flush=True)
        sys.stdin.read()
        stop.set()
        time.sleep(0.1)


if __name__ == "__main__":
    main()
