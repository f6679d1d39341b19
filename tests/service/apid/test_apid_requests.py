# SPDX-License-Identifier: Apache-2.0
"""Who may ask, and what becomes of requests that are not right: a reason, and nothing written."""

import http.client
import json
import signal
import socket
import ssl

import pytest

from apid_harness import Yard, free_port, wait_until


def changes(api):
    """One changing request of every kind."""
    return [("PUT", "/v1/machines/x", {}), ("DELETE", "/v1/machines/x", None),
            ("POST", "/v1/machines/x/deployments", {"image": {"url": "oci://h/a"}}),
            ("DELETE", "/v1/deployments/6f2c1f0e-8a3b-4a51-9d5e-0d6a3a3a0001", None),
            ("POST", "/v1/tokens", {"name": "t", "role": "read"}), ("DELETE", "/v1/tokens/reader", None),
            ("GET", "/v1/tokens", None)]


def test_role_read_may_look_and_nothing_else(api):
    before = api.tables()
    for method, path, document in changes(api):
        reply = api.call(method, path, document, token="read")
        assert reply.status == 403, (method, path)
        assert "reader" in reply.detail
    assert api.tables() == before
    assert api.call("GET", "/v1/machines", token="read").status == 200
    assert api.call("GET", "/metrics", token="read").status == 200


def test_no_token_or_a_wrong_one(api):
    before = api.tables()
    for method, path, document in changes(api) + [("GET", "/v1/machines", None), ("GET", "/metrics", None)]:
        reply = api.call(method, path, document, token=None)
        assert reply.status == 401 and reply.headers["WWW-Authenticate"].startswith("Bearer")
        assert reply.detail
    assert api.call("GET", "/v1/machines", token="x" * 43).status == 401
    assert api.call("GET", "/v1/machines", token=None, headers={"Authorization": f"Basic {api.admin}"}).status == 401
    assert api.tables() == before


def test_wrong_tokens_are_limited_and_right_ones_are_not(api):
    statuses = [api.call("GET", "/v1/machines", token="wrong" + str(number)).status for number in range(40)]
    assert set(statuses) == {401, 429}
    assert statuses == sorted(statuses), "first 401, then 429"
    assert api.call("GET", "/v1/machines").status == 200


def test_open_routes(api):
    assert api.call("GET", "/healthz", token=None).body == b"ok\n"
    document = api.call("GET", "/v1/openapi.yaml", token=None)
    assert document.status == 200 and b"operationId: putMachine" in document.body


def test_methods(api):
    reply = api.call("POST", "/v1/machines", {})
    assert reply.status == 405 and "GET" in reply.headers["Allow"]
    assert reply.detail
    reply = api.call("PATCH", "/v1/machines/x", {})
    assert reply.status == 405 and {"GET", "PUT", "DELETE"} <= set(reply.headers["Allow"].replace(" ", "").split(","))
    assert api.call("GET", "/v1/nothing").status == 404
    assert api.call("GET", "/v2/machines").status == 404


def test_head_is_get_without_a_body(api, machine):
    reply = api.call("HEAD", f"/v1/machines/{machine}")
    assert reply.status == 200 and reply.body == b""


BODIES = [
    (b"{", 400), (b"", 400), (b"[]", 400), (b'"x"', 400), (b"{} {}", 400), (b"\xff\xfe", 400), (b'{"a": 1, "a": 2}', 400),
    (b'{"labels": {"a": "\\u0000"}}', 400), (b"{'a': 1}", 400), (b"[" * 5000, 400),
    (b'{"labels": ' + b'{"a":' * 30 + b"1" + b"}" * 31, 400),
    (b'{"serial": "' + b"x" * (70 * 1024) + b'"}', 413), (b"nan", 400), (b'{"serial": "\xc3\x28"}', 400),
]


@pytest.mark.parametrize("body,status", BODIES, ids=[str(body[:20]) for body, _ in BODIES])
def test_bodies_that_are_no_document(api, body, status):
    before = api.tables()
    reply = api.call("PUT", "/v1/machines/body", body=body)
    assert reply.status == status
    assert reply.detail
    assert api.tables() == before


def test_content_type(api):
    reply = api.call("PUT", "/v1/machines/type", body=b"{}", headers={"Content-Type": "text/xml"})
    assert reply.status == 415 and reply.detail
    assert api.call("GET", "/v1/machines/type").status == 404


def raw(api, request):
    """Bytes in, the first bytes of the answer out."""
    with api.context.wrap_socket(socket.create_connection(("localhost", api.port), 20), server_hostname="localhost") as wire:
        wire.settimeout(30)
        try:
            wire.sendall(request)
        except OSError:
            pass
        answer = b""
        try:
            while b"\r\n\r\n" not in answer:
                part = wire.recv(4096)
                if not part:
                    break
                answer += part
        except OSError:
            pass
        return answer


def test_a_mebibyte_of_header(api):
    before = api.tables()
    answer = raw(api, b"GET /v1/machines HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * (1 << 20) + b"\r\n\r\n")
    assert answer.split(b" ")[1] == b"431"
    many = b"".join(b"X-%d: y\r\n" % number for number in range(5000))
    answer = raw(api, b"PUT /v1/machines/h HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + api.admin.encode() + b"\r\n" + many
                 + b"Content-Length: 2\r\n\r\n{}")
    assert answer.split(b" ")[1] == b"431"
    assert api.tables() == before
    assert api.call("GET", "/healthz", token=None).status == 200


@pytest.mark.parametrize("request_bytes", [b"\r\n\r\n", b"GARBAGE\r\n\r\n", b"\x16\x03\x01" * 50, b"GET / HTTP/9.9\r\n\r\n",
                                           b"PUT /v1/machines/h HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                                           b"PUT /v1/machines/h HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"])
def test_garbage(api, request_bytes):
    before = api.tables()
    raw(api, request_bytes + b"\r\n\r\n")
    assert api.call("GET", "/healthz", token=None).status == 200
    assert api.tables() == before


def test_every_change_is_audited(api, imaged):
    assert api.call("PUT", "/v1/machines/audited", {}).status == 201
    made = api.call("POST", "/v1/machines/audited/deployments", {"image": {"url": "oci://h/a"}}).json
    api.call("DELETE", f"/v1/deployments/{made['id']}")
    api.call("POST", "/v1/tokens", {"name": "audited", "role": "read"})
    api.call("DELETE", "/v1/tokens/audited")
    api.call("DELETE", "/v1/machines/audited")
    rows = [(who, address, action, subject) for who, address, action, subject in
            api.rows("SELECT who, address, action, object FROM audit ORDER BY id DESC LIMIT 6")][::-1]
    assert [row[2] for row in rows] == ["machine.put", "deployment.create", "deployment.cancel", "token.create",
                                        "token.revoke", "machine.delete"]
    assert {row[0] for row in rows} == {"admin"} and {row[1] for row in rows} == {"127.0.0.1"}
    assert made["id"] in rows[1][3]


def test_tokens(api):
    made = api.call("POST", "/v1/tokens", {"name": "ci", "role": "read", "expires_in": 3600})
    assert made.status == 201 and made.headers["Cache-Control"] == "no-store"
    token = made.json["token"]
    assert made.json["expires"] > made.json["created"]
    assert api.call("GET", "/v1/machines", token=token).status == 200
    assert api.call("POST", "/v1/tokens", {"name": "ci", "role": "read"}).status == 409
    listed = api.call("GET", "/v1/tokens")
    assert token.encode() not in listed.body and "ci" in [one["name"] for one in listed.json["tokens"]]
    assert token not in json.dumps(api.tables()), "only a hash is stored"
    assert api.call("DELETE", "/v1/tokens/ci").status == 204
    assert api.call("GET", "/v1/machines", token=token).status in (401, 429)
    assert api.call("DELETE", "/v1/tokens/ci").status == 404
    for document in ({"name": "A", "role": "read"}, {"name": "a", "role": "root"}, {"name": "a"},
                     {"name": "a", "role": "read", "expires_in": 0}):
        assert api.call("POST", "/v1/tokens", document).status == 422


def test_a_token_ends_by_time(api):
    token = api.call("POST", "/v1/tokens", {"name": "brief", "role": "read", "expires_in": 1}).json["token"]
    wait_until(lambda: api.call("GET", "/v1/machines", token=token).status in (401, 429), 10, "end of the token")


def test_reload(api):
    api.process.send_signal(signal.SIGHUP)
    assert api.call("GET", "/healthz", token=None).status == 200
    api.yardctl_plain("ca", "renew", "--dir", api.state)
    api.process.send_signal(signal.SIGHUP)
    new = ssl.PEM_cert_to_DER_cert((api.state / "tls/server.crt").read_text())

    def shown():
        connection = api.connect()
        connection.connect()
        certificate = connection.sock.getpeercert(True)
        connection.close()
        return certificate
    wait_until(lambda: shown() == new, 10, "new certificate")


def test_no_token_over_plain_http_from_elsewhere(tmp_path, imaged_server):
    """An administrator may open a plain port, for a proxy on this host; tokens from other hosts stay out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this host has no address but loopback")
        outside = probe.getsockname()[0]
    yard = Yard(tmp_path, imaged_server.url)
    try:
        yard.stop()
        port = free_port()
        (tmp_path / "apid.conf.d").mkdir()
        (tmp_path / "apid.conf.d/plain.conf").write_text(f"[listen]\naddress = 0.0.0.0\nhttp_port = {port}\n")
        yard.start()
        for host, status in (("127.0.0.1", 200), (outside, 403)):
            connection = http.client.HTTPConnection(host, port, timeout=30)
            connection.request("GET", "/v1/machines", headers={"Authorization": f"Bearer {yard.admin}"})
            assert connection.getresponse().status == status, host
            connection.close()
    finally:
        yard.stop()
