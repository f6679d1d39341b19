# SPDX-License-Identifier: Apache-2.0
"""common/web as a client sees it: echo_daemon beside this file, driven by raw sockets."""

import json
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import yardlib

DEADLINE_SECONDS = 1.5  # what echo_daemon sets for heads and bodies
PATIENCE = 20


class Daemon:
    """A running echo_daemon."""

    def __init__(self, directory, *arguments):
        self.errors = directory / "echo.log"
        program = yardlib.build_tree() / "tests" / "service" / "web" / "echo_daemon"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=errors, text=True)
        self.port = int(self.process.stdout.readline().partition("=")[2])
        self.tls_port = int(self.process.stdout.readline().partition("=")[2]) if arguments else None

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        connection.settimeout(PATIENCE)
        return connection

    def raw(self, data):
        """Send bytes, return everything that comes until the end."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
            except OSError:
                pass  # refused before all was sent; the reply is what counts
            return read_all(connection)

    def get(self, path, method="GET", **more):
        return yardlib.request(method, f"http://127.0.0.1:{self.port}{path}", **more)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        assert yardlib.sanitizer_reports(self.errors.read_text(errors="replace")) == ""
        return status


def read_all(connection):
    data = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def read_reply(file):
    """(status, headers, body) of the next reply on a connection's file."""
    status = int(file.readline().split()[1])
    headers = {}
    for line in iter(file.readline, b"\r\n"):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, file.read(int(headers.get("content-length", 0)))


def status_of(data):
    match = re.match(rb"HTTP/1\.[01] (\d{3}) ", data)
    return int(match[1]) if match else None


def make_certificate(directory, name):
    key, certificate = directory / f"{name}.key", directory / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-keyout", key, "-out", certificate, "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:::1"],
                   check=True, capture_output=True, timeout=60)
    return certificate, key


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    return make_certificate(directory, "first")


@pytest.fixture(scope="module")
def echo(tmp_path_factory, certificate):
    daemon = Daemon(tmp_path_factory.mktemp("echo"), *certificate)
    yield daemon
    assert daemon.stop() == 0


@pytest.fixture
def own_echo(tmp_path, certificate):
    """For tests that end it."""
    daemon = Daemon(tmp_path, *certificate)
    yield daemon
    if daemon.process.poll() is None:
        daemon.stop()


# What is no request


@pytest.mark.parametrize("line", [
    b"GARBAGE", b"GET", b"GET /healthz", b"GET  HTTP/1.1", b"GET /healthz HTTP/9.9", b"\x16\x03\x01\x00\xa5\x01\x00\x00",
    b"GET /he althz HTTP/1.1", b"G\x00T /healthz HTTP/1.1",
])
def test_bad_request_line(echo, line):
    data = echo.raw(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert data == b"" or status_of(data) in range(400, 506)


@pytest.mark.parametrize("path", [
    "/args/%00", "/args/a%0ab", "/args/..", "/args/%2e%2e", "//args/x", "/args//x", "/args/%ff", "/args/%zz", "/a%2F..%2Fb", "args/x", "*",
])
def test_bad_path(echo, path):
    data = echo.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert status_of(data) == 400
    problem = json.loads(data.partition(b"\r\n\r\n")[2])
    assert problem["status"] == 400 and problem["code"] == "bad-request" and problem["detail"]


def test_control_character_in_path(echo):
    assert status_of(echo.raw(b"GET /args/a\x01b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) == 400


@pytest.mark.parametrize("head", [
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * (1 << 20) + b"\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(100000)) + b"\r\n",
    b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=["one field", "many fields", "long line"])
def test_head_of_a_mebibyte(echo, head):
    assert status_of(echo.raw(head)) in (400, 413, 414, 431)


def test_too_many_fields(echo):
    fields = b"".join(b"X-%d: a\r\n" % i for i in range(70))
    data = echo.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + fields + b"\r\n")
    assert status_of(data) == 431 and b"application/problem+json" in data


def test_head_of_fifteen_kibibytes(echo):
    assert echo.get("/healthz", headers={"X-Long": "a" * 15000}).status == 200


# Routes


def test_not_found(echo):
    reply = echo.get("/nothing")
    assert reply.status == 404 and reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["title"] == "Not Found"


def test_wrong_method(echo):
    reply = echo.get("/args/x", method="PUT", body="x")
    assert reply.status == 405 and reply.headers["Allow"] == "GET, HEAD, DELETE"
    assert echo.get("/args/x", method="BREW").status == 405


def test_arguments_and_query(echo):
    reply = echo.get("/args/a%2Fb%20c?q=1+2%263&r")
    assert reply.json == {"name": "a/b c", "q": "1 2&3", "path": "/args/a/b c", "peer": "127.0.0.1", "tls": False}
    assert echo.get("/args/x/").json["name"] == "x"
    assert echo.get("/args/%25%32%66").json["name"] == "%2f"
    assert echo.get("/rest/a/b%20c/").text == "a/b c/"


def test_head(echo):
    reply = echo.get("/args/x", method="HEAD")
    assert reply.status == 200 and reply.body == b"" and int(reply.headers["Content-Length"]) > 0
    reply = echo.get("/head", method="HEAD")
    assert reply.status == 204 and reply.headers["X-Own-Head"] == "yes"


def test_authorize(echo):
    reply = echo.get("/secret", method="POST", body="x")
    assert reply.status == 401 and reply.headers["WWW-Authenticate"] == "Bearer"
    assert echo.get("/secret", method="POST", token="shut").status == 401
    assert echo.get("/secret", method="POST", token="open").text == "somebody"


def test_internal_error_keeps_its_text(echo):
    reply = echo.get("/broken")
    assert reply.status == 500 and "secret" not in reply.text


# Bodies


@pytest.mark.parametrize("body, status", [
    ('{"a": [1, {"b": "}]"}]}', 200), ("", 400), ("{", 400), ("[]", 400), ('{"a": 1, "a": 2}', 400), ('{"a": 1} x', 400),
    ('{"a": "\\ud800"}', 400), ('{"a": "\\u0000"}', 400), ('{"a": ' + "[" * 24 + "]" * 24 + "}", 200),
    ('{"a": ' + "[" * 25 + "]" * 25 + "}", 400), ('{"a": "' + "[" * 90 + '\\"{"}', 200), (b'{"a": "\xff"}', 400),
])
def test_json(echo, body, status):
    reply = echo.get("/json", method="POST", body=body, headers={"Content-Type": "application/json; charset=utf-8"})
    assert reply.status == status
    if status == 200:
        assert reply.json == json.loads(body)


def test_json_media_type(echo):
    assert echo.get("/json", method="POST", body="{}", headers={"Content-Type": "text/plain"}).status == 415
    assert echo.get("/json", method="POST", body="{}", headers={"Content-Type": "application/jsonx"}).status == 415
    assert echo.get("/json", method="POST", body="{}").status == 200


def test_body_at_the_limit(echo):
    body = bytes(range(250)) * 400
    assert echo.get("/echo", method="POST", body=body).body == body
    reply = echo.get("/echo", method="POST", body=body + b"x")
    assert reply.status == 413 and "100000" in reply.json["detail"]


def test_body_where_none_is_allowed(echo):
    assert echo.get("/healthz", body="x").status == 413


def test_announced_body_is_refused_at_once(echo):
    with echo.connect() as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert status_of(connection.recv(4096)) == 413


def test_expect_continue_is_refused_without_a_body(echo):
    with echo.connect() as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 200000\r\n\r\n")
        assert status_of(connection.recv(4096)) == 413
    with echo.connect() as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert status_of(connection.recv(4096)) == 100
        connection.sendall(b"ok")
        assert status_of(connection.recv(4096)) == 200


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_chunked_body(echo):
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = echo.raw(head + b"".join(chunk(b"piece %d " % i) for i in range(50)) + b"0\r\n\r\n")
    assert status_of(data) == 200 and data.endswith(b"piece 49 ")
    assert status_of(echo.raw(head + b"zz\r\nx\r\n")) == 400
    data = echo.raw(head + b"".join(chunk(b"x" * 65536) for _ in range(64)) + b"0\r\n\r\n")
    assert status_of(data) == 413 and b"application/problem+json" in data


def test_unknown_transfer_coding_is_refused_at_once(echo):
    for coding in (b"gzip", b"gzip, chunked", b"identity"):
        data = echo.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + coding + b"\r\n\r\nx")
        assert status_of(data) == 400 and b"application/problem+json" in data and b"chunked" in data


def test_refused_small_body_keeps_the_connection(echo):
    with echo.connect() as connection:
        file = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nGET /healthz HTTP/1.")
            assert read_reply(file)[0] == 404
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_reply(file)[2] == b"ok\n"


# Connections


def test_keep_alive_and_pipelining(echo):
    with echo.connect() as connection:
        connection.sendall(b"".join(b"GET /args/n%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(20)))
        file = connection.makefile("rb")
        assert [json.loads(read_reply(file)[2])["name"] for i in range(20)] == [f"n{i}" for i in range(20)]


def test_many_connections_from_loopback(echo):
    connections = [echo.connect() for _ in range(150)]
    for connection in connections:
        connection.sendall(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
    for connection in connections:
        assert status_of(connection.recv(4096)) == 200
        connection.close()


def test_idle_connections_make_room(echo):
    """The daemon takes 200 connections; 500 clients that keep theirs open are all served, and the last ones keep theirs."""
    connections = []
    for _ in range(500):
        connections.append(echo.connect())
        connections[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(connections[-1].recv(4096)) == 200
    assert connections[0].recv(1) == b"", "the longest idle one is gone"
    for connection in connections[-100:]:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(connection.recv(4096)) == 200
    for connection in connections:
        connection.close()


def test_slow_head_is_cut(echo):
    with echo.connect() as connection:
        started = time.monotonic()
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        data = b""
        while time.monotonic() - started < PATIENCE:
            if select.select([connection], [], [], 0.2)[0]:
                data = read_all(connection)
                break
            connection.sendall(b"X: y\r\n")
        assert time.monotonic() - started >= DEADLINE_SECONDS * 0.9
        assert status_of(data) == 408


def test_slow_request_line_is_cut(echo):
    with echo.connect() as connection:
        connection.sendall(b"GET /heal")
        assert read_all(connection) == b""


def test_slow_body_is_cut(echo):
    with echo.connect() as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        assert status_of(read_all(connection)) == 408


def test_client_goes_while_its_request_is_parked(echo):
    with echo.connect() as connection:
        connection.sendall(b"GET /park HTTP/1.1\r\nHost: x\r\n\r\n")
        yardlib.wait_for(lambda: echo.get("/state").json["parked"])
    yardlib.wait_for(lambda: echo.get("/release", method="POST").json["gone"], what="the notice of its going")
    assert echo.get("/release", method="POST").json["parked"] is False
    assert echo.get("/healthz").status == 200


def test_parked_request_is_replied_to_by_another(echo):
    replies = []
    thread = threading.Thread(target=lambda: replies.append(echo.get("/park")))
    thread.start()
    yardlib.wait_for(lambda: echo.get("/state").json["parked"])
    assert echo.get("/release", method="POST").json == {"parked": True, "gone": False}
    thread.join(PATIENCE)
    assert replies[0].text == "released\n"


def test_work_in_the_pool(echo):
    assert echo.get("/work").text == "worked\n"


# Streams and files


def test_stream_wakes(echo):
    text = "".join(f"block {i}\n" for i in range(5))
    assert echo.get("/stream").text == text
    reply = echo.get(f"/stream?total={len(text)}")
    assert reply.text == text and int(reply.headers["Content-Length"]) == len(text)


def test_stream_is_destroyed_when_the_client_goes(echo):
    before = echo.get("/state").json["destroyed"]
    with echo.connect() as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len(connection.recv(65536)) > 0
    yardlib.wait_for(lambda: echo.get("/state").json["destroyed"] == before + 1)
    assert echo.get("/endless", method="HEAD").status == 200
    yardlib.wait_for(lambda: echo.get("/state").json["destroyed"] == before + 2)


def test_file(echo):
    expected = b"".join(bytes([i & 255]) * 256 for i in range(3 * 4096))[256:]
    assert echo.get("/file").body == expected


# TLS


def tls_context(certificate):
    return ssl.create_default_context(cafile=certificate[0])


def test_tls(echo, certificate):
    url = f"https://[::1]:{echo.tls_port}"
    assert yardlib.request("GET", url + "/args/x", ca_file=certificate[0]).json["tls"] is True
    assert len(yardlib.request("GET", url + "/file", ca_file=certificate[0]).body) == 3 * 1024 * 1024 - 256
    assert yardlib.request("GET", url + "/stream", ca_file=certificate[0]).text.endswith("block 4\n")
    assert yardlib.request("POST", url + "/echo", body="x" * 100001, ca_file=certificate[0]).status == 413


def test_chunked_body_too_large_over_tls(echo, certificate):
    with socket.create_connection(("::1", echo.tls_port), PATIENCE) as plain:
        with tls_context(certificate).wrap_socket(plain, server_hostname="::1") as connection:
            connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(4):
                connection.sendall(chunk(b"x" * 60000))
            assert status_of(connection.recv(4096)) == 413


def test_old_tls_is_refused(echo, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("::1", echo.tls_port), PATIENCE) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain, server_hostname="::1")


def test_plain_http_on_the_tls_port(echo):
    with socket.create_connection(("::1", echo.tls_port), PATIENCE) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not read_all(connection).startswith(b"HTTP/")


def served_certificate(port):
    context = ssl._create_unverified_context()
    with socket.create_connection(("::1", port), PATIENCE) as plain:
        with context.wrap_socket(plain) as connection:
            return connection.getpeercert(binary_form=True)


def test_reload_renews_the_certificate(tmp_path):
    certificate, key = make_certificate(tmp_path, "old")
    daemon = Daemon(tmp_path, certificate, key)
    try:
        old = served_certificate(daemon.tls_port)
        new_certificate, new_key = make_certificate(tmp_path, "new")
        expected = ssl.PEM_cert_to_DER_cert(new_certificate.read_text())
        # A certificate without its key: the old pair stays.
        certificate.write_bytes(new_certificate.read_bytes())
        daemon.process.send_signal(signal.SIGHUP)
        yardlib.wait_for(lambda: "do not belong together" in daemon.errors.read_text())
        assert served_certificate(daemon.tls_port) == old
        key.write_bytes(new_key.read_bytes())
        daemon.process.send_signal(signal.SIGHUP)
        yardlib.wait_for(lambda: served_certificate(daemon.tls_port) == expected)
    finally:
        assert daemon.stop() == 0


# The end


def test_drain_finishes_what_was_begun(own_echo):
    idle = own_echo.connect()
    idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status_of(idle.recv(4096)) == 200
    parked = own_echo.connect()
    parked.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo")
    yardlib.wait_for(lambda: own_echo.get("/healthz").status == 200)
    own_echo.process.send_signal(signal.SIGTERM)
    assert idle.recv(4096) == b""
    with pytest.raises(OSError):
        own_echo.connect()
    parked.sendall(b"dy")
    data = read_all(parked)
    assert data.endswith(b"body") and b"Connection: close" in data
    assert own_echo.process.wait(PATIENCE) == 0


def test_second_park_is_refused(echo):
    with echo.connect() as connection:
        connection.sendall(b"GET /park HTTP/1.1\r\nHost: x\r\n\r\n")
        yardlib.wait_for(lambda: echo.get("/state").json["parked"])
        assert echo.get("/park").status == 409
    assert echo.get("/release", method="POST").json["parked"]


def test_second_signal_ends_at_once(own_echo):
    parked = own_echo.connect()
    parked.sendall(b"GET /park HTTP/1.1\r\nHost: x\r\n\r\n")
    stream = own_echo.connect()
    stream.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
    yardlib.wait_for(lambda: own_echo.get("/state").json["parked"])
    own_echo.process.send_signal(signal.SIGTERM)
    assert "stopping" in yardlib.wait_for(lambda: "stopping" in own_echo.errors.read_text() and own_echo.errors.read_text())
    assert own_echo.stop() == 0


def test_metrics(echo):
    text = echo.get("/metrics").text
    assert re.search(r'^bootyard_echo_http_replies_total\{route="health",class="2xx"\} [1-9]', text, re.M)
    assert re.search(r"^bootyard_echo_http_connections [1-9]", text, re.M)
    names = re.findall(r"^# TYPE (\S+) ", text, re.M)
    assert len(names) == len(set(names))
