# SPDX-License-Identifier: Apache-2.0
"""Blobs: single flight, the held-back tail, resumes, ranges, and what a bad registry can do."""

import concurrent.futures
import http.client
import os
import socket

import pytest

from fake_registry import Registry, digest_of
from imaged_process import eventually

TAIL = 65536
MIB = 1024 * 1024


@pytest.fixture
def content():
    return os.urandom(3 * MIB + 12345)


def path_of(registry, digest):
    return f"/v2/{registry.host}/disk/blobs/{digest}"


def blob_gets(registry):
    return len(registry.asked("GET", "/blobs/"))


def test_cold_then_warm(imaged, registry, content):
    digest = registry.add_blob(content)
    for _ in range(2):
        reply = imaged.get(path_of(registry, digest))
        assert reply.status == 200 and reply.content == content
        assert reply.headers["Docker-Content-Digest"] == digest
        assert reply.headers["ETag"] == f'"{digest}"'
        assert reply.headers["Accept-Ranges"] == "bytes"
        assert int(reply.headers["Content-Length"]) == len(content)
        eventually(imaged.blob_file(digest).exists)
    assert imaged.blob_file(digest).read_bytes() == content
    assert not imaged.partial_file(digest).exists()
    assert blob_gets(registry) == 1
    assert imaged.metric("upstream_bytes_total") == len(content)
    assert imaged.metric("cache_hits_total") == 1


@pytest.mark.parametrize("size", [0, 1, TAIL - 1, TAIL, TAIL + 1, 256 * 1024, 256 * 1024 + 1])
def test_sizes(imaged, registry, size):
    content = os.urandom(size)
    digest = registry.add_blob(content)
    assert imaged.get(path_of(registry, digest)).content == content
    eventually(imaged.blob_file(digest).exists)
    assert imaged.get(path_of(registry, digest)).content == content
    assert blob_gets(registry) == 1


def test_bytes_come_while_it_is_fetched(imaged, registry, content):
    digest = registry.add_blob(content)
    plan = registry.plans[digest]
    plan.gate_at = 2 * MIB
    reply = imaged.open(path_of(registry, digest))
    assert reply.read(MIB) == content[:MIB]
    plan.gate.set()
    assert reply.read() == content[MIB:]


def test_many_cold_clients_one_fetch(imaged, registry, content):
    digest = registry.add_blob(content)
    plan = registry.plans[digest]
    plan.gate_at = MIB
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        clients = [pool.submit(imaged.get, path_of(registry, digest)) for _ in range(24)]
        eventually(lambda: imaged.metric("stream_clients") == 24)
        plan.gate.set()
        for client in clients:
            assert client.result(60).content == content
    assert blob_gets(registry) == 1
    assert imaged.metric("upstream_bytes_total") == len(content)


def test_a_client_that_does_not_read_holds_nobody_up(imaged, registry):
    content = os.urandom(24 * MIB)
    digest = registry.add_blob(content)
    lazy = imaged.open(path_of(registry, digest))
    gone = imaged.open(path_of(registry, digest))
    gone.read(1000)
    gone.connection.close()
    assert imaged.get(path_of(registry, digest)).content == content
    assert lazy.read() == content
    assert blob_gets(registry) == 1


def test_the_tail_waits_for_the_proof(imaged, registry, content):
    digest = registry.add_blob(content)
    plan = registry.plans[digest]
    plan.gate_at = len(content) - 1
    reply = imaged.open(path_of(registry, digest), timeout=2)
    assert reply.read(len(content) - TAIL) == content[:-TAIL]
    with pytest.raises(socket.timeout):
        reply.read(1)
    late = imaged.open(path_of(registry, digest), timeout=30)
    plan.gate.set()
    assert late.read() == content


def test_a_wrong_byte_never_arrives_whole(imaged, registry, content):
    digest = registry.add_blob(content)
    plan = registry.plans[digest]
    plan.flip_at = 5
    with pytest.raises(http.client.IncompleteRead) as broken:
        imaged.get(path_of(registry, digest))
    assert len(broken.value.partial) <= len(content) - TAIL
    assert not imaged.blob_file(digest).exists() and not imaged.partial_file(digest).exists()
    assert imaged.metric("digest_mismatches_total") == 1
    assert "err" in imaged.log_text() and digest_of(content) in imaged.log_text()
    plan.flip_at = None
    assert imaged.get(path_of(registry, digest)).content == content


def test_a_small_wrong_blob_gives_nothing(imaged, registry):
    digest = registry.add_blob(b"x" * 1000)
    registry.plans[digest].flip_at = 0
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as broken:
        imaged.get(path_of(registry, digest))
    assert not getattr(broken.value, "partial", b"")


def test_an_empty_wrong_blob_is_no_answer(imaged, registry):
    digest = registry.add_blob(b"something")
    registry.blobs[digest] = b""
    assert imaged.get(path_of(registry, digest)).status >= 500
    assert not imaged.blob_file(digest).exists()


def test_a_cut_is_resumed(imaged, registry, content):
    digest = registry.add_blob(content)
    registry.plans[digest].cuts = [MIB, 2 * MIB]
    assert imaged.get(path_of(registry, digest)).content == content
    starts = [r[2].get("Range") for r in registry.asked("GET", "/blobs/")]
    assert starts == [None, f"bytes={MIB}-", f"bytes={2 * MIB}-"]
    assert imaged.metric("upstream_bytes_total") == len(content)


def test_a_cut_by_a_registry_without_ranges(imaged, registry, content):
    digest = registry.add_blob(content)
    registry.plans[digest].cuts = [MIB]
    registry.plans[digest].ignore_range = True
    assert imaged.get(path_of(registry, digest)).content == content
    assert blob_gets(registry) == 2


def test_a_registry_that_always_cuts_at_once(imaged, registry, content):
    digest = registry.add_blob(content)
    registry.plans[digest].always_cut = 0
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        imaged.get(path_of(registry, digest))
    assert 2 <= blob_gets(registry) <= 6


def test_without_a_length(imaged, registry, content):
    digest = registry.add_blob(content)
    registry.plans[digest].chunked = True
    assert imaged.get(path_of(registry, digest)).content == content


@pytest.mark.parametrize("delta", [-1000, 1000])
def test_a_lie_about_the_length(imaged, registry, content, delta):
    digest = registry.add_blob(content)
    registry.plans[digest].length_delta = delta
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        imaged.get(path_of(registry, digest))
    eventually(lambda: imaged.metric("active_fills") == 0)
    assert not imaged.blob_file(digest).exists()
    assert blob_gets(registry) <= 6


@pytest.mark.parametrize("status, expected", [(404, 404), (403, 502), (500, 502), (429, 502)])
def test_refusals(imaged, registry, status, expected):
    digest = registry.add_blob(b"x")
    registry.plans[digest].status = status
    reply = imaged.get(path_of(registry, digest))
    assert reply.status == expected
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert not imaged.blob_file(digest).exists()


def test_a_silent_registry_is_given_up(make_imaged, registry, content):
    make_imaged.settings["upstream_timeout"] = "1s"
    imaged = make_imaged.start()
    digest = registry.add_blob(content)
    registry.silent = True
    assert imaged.get(path_of(registry, digest), timeout=60).status == 504
    assert blob_gets(registry) <= 6


def test_a_dripping_registry_is_given_up(make_imaged, registry, content):
    make_imaged.settings["upstream_timeout"] = "1s"
    imaged = make_imaged.start()
    digest = registry.add_blob(content)
    registry.plans[digest].drip = True
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        imaged.get(path_of(registry, digest), timeout=60)
    assert blob_gets(registry) <= 6
    assert "too slowly" in imaged.log_text()


def test_no_registry_there(imaged, registry):
    digest = registry.add_blob(b"x")
    registry.close()
    assert imaged.get(path_of(registry, digest), timeout=60).status == 502


# Redirects: what counts is that no connection was made.

def test_redirect_to_link_local_is_refused(imaged, registry):
    digest = registry.add_blob(b"x")
    registry.plans[digest].redirect = "http://169.254.169.254/latest/meta-data"
    reply = imaged.get(path_of(registry, digest))
    assert reply.status == 502 and b"169.254.169.254" in reply.content


@pytest.mark.parametrize("spelling", ["http://127.0.0.1:{port}/x", "http://localhost:{port}/x", "http://0x7f.1:{port}/x",
                                      "http://2130706433:{port}/x", "http://[::ffff:127.0.0.1]:{port}/x",
                                      "//127.0.0.1:{port}/x", "http://{own}@127.0.0.1:{port}/x"])
def test_redirect_to_another_port_is_not_followed(imaged, registry, spelling):
    other = Registry()
    try:
        digest = registry.add_blob(b"x")
        registry.plans[digest].redirect = spelling.format(port=other.port, own=registry.host)
        assert imaged.get(path_of(registry, digest)).status == 502
        assert other.connections == 0
    finally:
        other.close()


def test_redirect_to_a_named_host_has_no_credential(make_imaged, registry, content):
    storage = Registry()
    try:
        digest = registry.add_blob(content)
        registry.token = "a-secret-token"
        storage.add_blob(content)
        registry.plans[digest].redirect = f"http://{storage.host}/v2/x/blobs/{digest}"
        make_imaged.sections += f"hosts = {storage.host}\n"
        imaged = make_imaged.start()
        assert imaged.get(path_of(registry, digest)).content == content
        assert registry.asked("GET", "/blobs/")[-1][2]["Authorization"] == "Bearer a-secret-token"
        assert "Authorization" not in storage.asked("GET", "/blobs/")[0][2]
        assert "a-secret-token" not in imaged.log_text()
    finally:
        storage.close()


def test_redirect_loop_ends(imaged, registry):
    digest = registry.add_blob(b"x")
    registry.plans[digest].redirect = f"/v2/disk/blobs/{digest}"
    assert imaged.get(path_of(registry, digest)).status == 502
    assert blob_gets(registry) <= 40


def test_a_private_address_needs_its_section(make_imaged, registry):
    make_imaged.sections = "[registry 127.0.0.1:*]\nhttp = yes\n"
    imaged = make_imaged.start()
    digest = registry.add_blob(b"x")
    reply = imaged.get(path_of(registry, digest))
    assert reply.status == 502 and b"private" in reply.content
    assert registry.connections == 0


# Ranges and conditions.

def test_ranges_of_a_proven_blob(imaged, registry, content):
    digest = registry.add_blob(content)
    path = path_of(registry, digest)
    imaged.get(path)
    size = len(content)
    for field, first, last in [("bytes=0-0", 0, 0), ("bytes=100-199", 100, 199), (f"bytes={size - 5}-", size - 5, size - 1),
                               ("bytes=-7", size - 7, size - 1), (f"bytes=10-{size * 2}", 10, size - 1)]:
        reply = imaged.get(path, {"Range": field})
        assert reply.status == 206 and reply.content == content[first:last + 1]
        assert reply.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    reply = imaged.get(path, {"Range": f"bytes={size}-"})
    assert reply.status == 416 and reply.headers["Content-Range"] == f"bytes */{size}"
    assert imaged.get(path, {"Range": "bytes=0-1,5-6"}).content == content
    assert imaged.get(path, {"Range": "bytes=5-6", "If-Range": f'"{digest}"'}).status == 206
    assert imaged.get(path, {"Range": "bytes=5-6", "If-Range": '"other"'}).status == 200
    assert imaged.get(path, {"If-None-Match": f'"{digest}"'}).status == 304
    assert imaged.get(path, {"If-None-Match": '"other"'}).status == 200


def test_head(imaged, registry, content):
    digest = registry.add_blob(content)
    path = path_of(registry, digest)
    for _ in range(2):
        reply = imaged.get(path, method="HEAD")
        assert reply.status == 200 and int(reply.headers["Content-Length"]) == len(content)
        assert reply.headers["Docker-Content-Digest"] == digest
    assert blob_gets(registry) == 0, "a HEAD fetches nothing"
    imaged.get(path)
    heads = len(registry.asked("HEAD", "/blobs/"))
    assert int(imaged.get(path, method="HEAD").headers["Content-Length"]) == len(content)
    assert len(registry.asked("HEAD", "/blobs/")) == heads


def test_a_range_waits_for_the_proof_unless_the_client_proves(imaged, registry, content):
    digest = registry.add_blob(content)
    plan = registry.plans[digest]
    plan.gate_at = 2 * MIB
    path = path_of(registry, digest)
    trusting = imaged.open(path, {"Range": f"bytes={MIB}-", "Bootyard-Proves-Whole": "1", "If-Range": f'"{digest}"'})
    assert trusting.status == 206
    assert trusting.headers["Content-Range"] == f"bytes {MIB}-{len(content) - 1}/{len(content)}"
    assert trusting.read(MIB) == content[MIB:2 * MIB]
    with pytest.raises(socket.timeout):
        imaged.open(path, {"Range": "bytes=0-9"}, timeout=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(imaged.get, path, {"Range": "bytes=0-9"})
        plan.gate.set()
        reply = waiting.result(30)
    assert reply.status == 206 and reply.content == content[:10]
    assert trusting.read() == content[2 * MIB:]
    assert blob_gets(registry) == 1


def test_a_waiting_range_of_a_wrong_blob_is_an_error(imaged, registry, content):
    digest = registry.add_blob(content)
    registry.plans[digest].flip_at = MIB
    assert imaged.get(path_of(registry, digest), {"Range": "bytes=0-9"}).status == 502


# Crashes.

def test_a_killed_imaged_goes_on_where_it_was(imaged, registry, content):
    digest = registry.add_blob(content)
    plan = registry.plans[digest]
    plan.gate_at = 2 * MIB
    path = path_of(registry, digest)
    reply = imaged.open(path)
    got = reply.read(MIB)
    eventually(lambda: imaged.partial_file(digest).stat().st_size == 2 * MIB)
    imaged.kill()
    assert not imaged.blob_file(digest).exists()
    plan.gate.set()
    imaged.start()
    rest = imaged.get(path, {"Range": f"bytes={len(got)}-", "If-Range": f'"{digest}"', "Bootyard-Proves-Whole": "1"})
    assert rest.status == 206 and got + rest.content == content
    assert registry.asked("GET", "/blobs/")[-1][2]["Range"] == f"bytes={2 * MIB - 1}-"
    eventually(imaged.blob_file(digest).exists)
    assert imaged.blob_file(digest).read_bytes() == content


def test_a_spoilt_partial_file_is_not_believed(imaged, registry, content):
    digest = registry.add_blob(content)
    path = path_of(registry, digest)
    imaged.partial_file(digest).write_bytes(os.urandom(MIB))
    with pytest.raises(http.client.IncompleteRead):
        imaged.get(path)
    assert imaged.get(path).content == content


def test_a_partial_file_of_another_boot_is_forgotten(make_imaged, registry, content):
    digest = registry.add_blob(content)
    make_imaged.start().stop()
    make_imaged.partial_file(digest).write_bytes(os.urandom(MIB))
    os.utime(make_imaged.partial_file(digest), (1000, 1000))
    imaged = make_imaged.start()
    assert not imaged.partial_file(digest).exists()
    assert imaged.get(path_of(registry, digest)).content == content


def test_stop_while_it_is_fetching(make_imaged, registry, content):
    imaged = make_imaged.start()
    digest = registry.add_blob(content)
    registry.plans[digest].gate_at = MIB
    reply = imaged.open(path_of(registry, digest))
    reply.read(1000)
    waiting = imaged.open
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(waiting, path_of(registry, digest), {"Range": "bytes=0-9"})
        eventually(lambda: imaged.metric("cache_misses_total") == 2)
        reply.connection.close()
        imaged.stop()
        try:
            assert waiter.result(30).status == 503
        except (ConnectionError, http.client.HTTPException):
            pass
    assert imaged.partial_file(digest).exists()


# Limits.

def test_no_room(make_imaged, registry, content):
    make_imaged.settings["keep_free"] = "1000T"
    imaged = make_imaged.start()
    digest = registry.add_blob(content)
    reply = imaged.get(path_of(registry, digest))
    assert reply.status == 503 and b"no room" in reply.content


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(make_imaged, registry, content, chunked):
    make_imaged.settings["max_blob"] = "1M"
    imaged = make_imaged.start()
    digest = registry.add_blob(content)
    registry.plans[digest].chunked = chunked
    try:
        assert imaged.get(path_of(registry, digest)).status == 502
    except (http.client.IncompleteRead, ConnectionError):
        assert chunked
    assert not imaged.blob_file(digest).exists() and not imaged.partial_file(digest).exists()


def test_too_many_fills(make_imaged, registry):
    make_imaged.settings["max_fills"] = "1"
    imaged = make_imaged.start()
    first, second = registry.add_blob(os.urandom(MIB)), registry.add_blob(b"y")
    registry.plans[first].gate_at = 1000
    reply = imaged.open(path_of(registry, first))
    assert imaged.get(path_of(registry, second)).status == 503
    registry.plans[first].gate.set()
    assert digest_of(reply.read()) == first
    eventually(lambda: imaged.get(path_of(registry, second)).content == b"y")
