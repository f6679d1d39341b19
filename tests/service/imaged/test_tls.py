# SPDX-License-Identifier: Apache-2.0
"""Registries over TLS: verified, by the CA that their section names, and never left for plain HTTP."""

import subprocess

import pytest

from fake_registry import Registry


def certificate(folder, name):
    path = folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=test", "-addext", f"subjectAltName={name}", "-keyout", path, "-out", folder / "crt"],
                   check=True, timeout=60, capture_output=True)
    path.write_text(path.read_text() + (folder / "crt").read_text())
    return path


@pytest.fixture
def good(tmp_path):
    return certificate(tmp_path, "IP:127.0.0.1")


def started(make_imaged, section):
    make_imaged.sections = "[registry 127.0.0.1:*]\nprivate = yes\n" + section
    return make_imaged.start()


def ask(imaged, registry):
    return imaged.get(f"/v2/{registry.host}/org/disk/manifests/v1")


@pytest.fixture
def tls_registry(good):
    fake = Registry(good)
    fake.add_image("org/disk", "v1", b"the disk")
    yield fake
    fake.close()


def test_verified_by_its_own_ca(make_imaged, tls_registry, good):
    assert ask(started(make_imaged, f"ca_file = {good}\n"), tls_registry).status == 200


def test_an_unknown_ca(make_imaged, tls_registry):
    reply = ask(started(make_imaged, ""), tls_registry)
    assert reply.status == 502 and b"certificate" in reply.content
    assert tls_registry.requests == []


def test_a_certificate_for_another_name(make_imaged, tmp_path):
    other = certificate(tmp_path, "DNS:example.net")
    fake = Registry(other)
    try:
        fake.add_image("org/disk", "v1", b"the disk")
        assert ask(started(make_imaged, f"ca_file = {other}\n"), fake).status == 502
        assert fake.requests == []
    finally:
        fake.close()


def test_plain_http_is_not_a_way_out(make_imaged, registry):
    registry.add_image("org/disk", "v1", b"the disk")
    assert ask(started(make_imaged, ""), registry).status == 502
    assert registry.requests == []


def test_no_redirect_from_https_to_http(make_imaged, tls_registry, registry, good):
    layer = tls_registry.add_blob(b"the disk")
    registry.add_blob(b"the disk")
    tls_registry.plans[layer].redirect = f"http://{registry.host}/v2/x/blobs/{layer}"
    imaged = started(make_imaged, f"ca_file = {good}\nhosts = {registry.host}\n")
    assert imaged.get(f"/v2/{tls_registry.host}/org/disk/blobs/{layer}").status == 502
    assert registry.connections == 0
