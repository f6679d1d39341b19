# SPDX-License-Identifier: Apache-2.0
"""A registry on loopback that counts what it is asked for and misbehaves on demand. Blobs have a Plan that says how."""

import hashlib
import http.server
import json
import re
import socket
import ssl
import threading
import urllib.parse


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Plan:
    """How a blob is served. Every field off means: properly."""

    def __init__(self):
        self.cuts = []              # byte offsets: each cuts one answer there, then is used up
        self.always_cut = None      # each answer ends after so many bytes of its own
        self.flip_at = None         # this byte is wrong
        self.gate_at = None         # bytes from here on wait for `gate`
        self.gate = threading.Event()
        self.length_delta = 0       # lie about Content-Length
        self.ignore_range = False
        self.redirect = None        # Location
        self.status = None
        self.chunked = False        # no Content-Length
        self.drip = False           # a byte, a nap, a byte, ...


class Registry:
    def __init__(self, certificate=None):
        self.blobs, self.plans, self.manifests, self.types = {}, {}, {}, {}
        self.requests = []          # (method, path, headers)
        self.connections = 0
        self.sockets = []
        self.token = None           # set: /v2/ wants it, /token gives it
        self.silent = False         # accept, never answer
        self.closing = threading.Event()
        self.lock = threading.Lock()
        registry = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def process_request(self, request, address):
                with registry.lock:
                    registry.connections += 1
                    registry.sockets.append(request)
                super().process_request(request, address)

            def handle_error(self, request, address):
                pass

        class Handler(_Handler):
            pass

        Handler.registry = self
        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate: # PEM file with its key
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        if self.closing.is_set():
            return
        self.closing.set()
        for plan in self.plans.values():
            plan.gate.set()
        self.server.shutdown()
        self.server.server_close()
        for connection in self.sockets: # kept-alive ones too
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def add_blob(self, content):
        digest = digest_of(content)
        self.blobs[digest] = content
        self.plans[digest] = Plan()
        return digest

    def add_manifest(self, repository, tag, manifest, media_type="application/vnd.oci.image.manifest.v1+json"):
        content = json.dumps(manifest).encode()
        digest = digest_of(content)
        for version in filter(None, (tag, digest)):
            self.manifests[(repository, version)] = content
        self.types[digest] = media_type
        return digest

    def add_image(self, repository, tag, content, media_type="application/vnd.bootyard.disk.raw+zstd"):
        layer = self.add_blob(content)
        config = self.add_blob(b"{}")
        digest = self.add_manifest(repository, tag, {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
            "layers": [{"mediaType": media_type, "digest": layer, "size": len(content)}]})
        return digest, layer

    def asked(self, method, part):
        with self.lock:
            return [r for r in self.requests if r[0] == method and part in r[1]]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        registry = self.registry
        with registry.lock:
            registry.requests.append((self.command, self.path, dict(self.headers.items())))
        if registry.silent:
            registry.closing.wait(60)
            self.close_connection = True
            return
        path = urllib.parse.urlsplit(self.path).path
        if path == "/token":
            return self.reply(200, json.dumps({"token": registry.token, "expires_in": 300}).encode(), "application/json")
        if registry.token and self.headers.get("Authorization") != "Bearer " + registry.token:
            return self.reply(401, b"{}", "application/json", {
                "WWW-Authenticate": f'Bearer realm="http://{registry.host}/token",service="fake service"'})
        match = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", path)
        if not match:
            return self.reply(404, b"no", "text/plain")
        if match[2] == "manifests":
            return self.manifest(match[1], match[3])
        return self.blob(match[3])

    def reply(self, status, content, media_type, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def manifest(self, repository, version):
        content = self.registry.manifests.get((repository, version))
        if content is None:
            return self.reply(404, b"{}", "application/json")
        digest = digest_of(content)
        media_type = self.registry.types.get(digest, "application/vnd.oci.image.manifest.v1+json")
        return self.reply(200, content, media_type, {"Docker-Content-Digest": digest})

    def blob(self, digest):
        content, plan = self.registry.blobs.get(digest), self.registry.plans.get(digest)
        if content is None:
            return self.reply(404, b"{}", "application/json")
        if plan.redirect:
            return self.reply(307, b"moved", "text/plain", {"Location": plan.redirect})
        if plan.status:
            return self.reply(plan.status, b"sorry", "text/plain")
        if plan.flip_at is not None:
            content = bytearray(content)
            content[plan.flip_at] ^= 1
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and not plan.ignore_range:
            start = int(asked[1])
            if start >= len(content):
                return self.reply(416, b"", "text/plain", {"Content-Range": f"bytes */{len(content)}"})
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if plan.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(content) - start + plan.length_delta))
        self.end_headers()
        if self.command != "HEAD":
            self.body(content, plan, start)
        if plan.length_delta:
            self.close_connection = True

    def body(self, content, plan, start):
        end = len(content)
        with self.registry.lock:
            if plan.cuts:
                end = min(end, plan.cuts.pop(0))
        if plan.always_cut is not None:
            end = min(end, start + plan.always_cut)
        at = start
        while at < end:
            stop = min(end, at + (1 if plan.drip else 65536))
            if plan.drip:
                self.wfile.flush()
                self.registry.closing.wait(0.05)
            if plan.gate_at is not None and not plan.gate.is_set():
                if at >= plan.gate_at:
                    self.wfile.flush()
                    plan.gate.wait(60)
                    continue
                stop = min(stop, plan.gate_at)
            part = bytes(content[at:stop])
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if plan.chunked else part)
            at = stop
        if end < len(content):
            self.close_connection = True
        elif plan.chunked:
            self.wfile.write(b"0\r\n\r\n")
