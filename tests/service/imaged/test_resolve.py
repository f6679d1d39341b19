# SPDX-License-Identifier: Apache-2.0
"""References to layers, manifests, access, tokens, reload."""

import json
import shutil
import signal
import subprocess

import pytest

from fake_registry import digest_of
from imaged_process import eventually

DISK = "application/vnd.bootyard.disk.raw+zstd"
INDEX = "application/vnd.oci.image.index.v1+json"


def layer(digest, media_type, size=10):
    return {"mediaType": media_type, "digest": digest, "size": size}


def test_resolve_by_tag_and_digest(imaged, registry):
    digest, layer_digest = registry.add_image("org/disk", "v1", b"the disk")
    for reference in (f"oci://{registry.host}/org/disk:v1", f"oci://{registry.host}/org/disk@{digest}",
                      f"oci://{registry.host}/org/disk:other@{digest}"):
        reply = imaged.resolve(reference, arch="amd64")
        assert reply.status == 200, reply.content
        assert reply.json == {
            "reference": reference[len("oci://"):], "digest": digest, "manifest_digest": digest,
            "layer_digest": layer_digest, "layer_size": 8, "media_type": DISK,
            "blob_url": f"http://127.0.0.1:{imaged.port}/v2/{registry.host}/org/disk/blobs/{layer_digest}"}
    assert len(registry.asked("GET", "/manifests/")) == 1, "a digest is found in the cache"
    assert imaged.get(reply.json["blob_url"].split(str(imaged.port))[1]).content == b"the disk"


def test_latest_is_the_tag_that_nobody_wrote(imaged, registry):
    digest, _ = registry.add_image("org/disk", "latest", b"the disk")
    assert imaged.resolve(f"oci://{registry.host}/org/disk").json["digest"] == digest


def test_index_by_architecture(imaged, registry):
    amd, amd_layer = registry.add_image("org/disk", None, b"for amd64")
    arm, arm_layer = registry.add_image("org/disk", None, b"for arm64")
    inner = registry.add_manifest("org/disk", None, {"schemaVersion": 2, "manifests": [
        {"digest": arm, "size": 1, "platform": {"architecture": "arm64", "os": "linux"}}]}, INDEX)
    index = registry.add_manifest("org/disk", "v1", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"digest": amd, "size": 1, "platform": {"architecture": "amd64", "os": "linux"}},
        {"digest": inner, "size": 1, "platform": {"architecture": "arm64", "os": "linux"}}]}, INDEX)
    reference = f"oci://{registry.host}/org/disk:v1"
    reply = imaged.resolve(reference, arch="amd64")
    assert (reply.json["digest"], reply.json["manifest_digest"], reply.json["layer_digest"]) == (index, amd, amd_layer)
    reply = imaged.resolve(reference, arch="arm64")
    assert (reply.json["digest"], reply.json["manifest_digest"], reply.json["layer_digest"]) == (index, arm, arm_layer)
    assert imaged.resolve(reference, arch="riscv64").status == 404


def test_an_index_that_names_itself_by_nesting_ends(imaged, registry):
    below, _ = registry.add_image("org/disk", None, b"x")
    for _ in range(5):
        below = registry.add_manifest("org/disk", "deep", {"manifests": [{"digest": below, "size": 1}]}, INDEX)
    assert imaged.resolve(f"oci://{registry.host}/org/disk:deep").status == 422


def test_which_layer(imaged, registry):
    one, two = registry.add_blob(b"1" * 10), registry.add_blob(b"2" * 10)
    reference = f"oci://{registry.host}/org/disk:v1"
    registry.add_manifest("org/disk", "v1", {"layers": [layer(one, "text/plain"), layer(two, DISK)]})
    assert imaged.resolve(reference).json["layer_digest"] == two
    assert imaged.resolve(reference, media_type="text/plain").json["layer_digest"] == one
    assert imaged.resolve(reference, media_type="text/html").status == 422
    registry.add_manifest("org/disk", "v1", {"layers": [layer(one, "text/plain"), layer(two, "text/html")]})
    reply = imaged.resolve(reference)
    assert reply.status == 422 and "text/html" in reply.json["detail"]
    assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("reference", ["", "127.0.0.1/x", "oci://", "oci://127.0.0.1:5000/X", "oci://a b/c", "https://x/y",
                                       "oci://127.0.0.1:5000/x@sha256:abc", "oci://127.0.0.1:5000/../x"])
def test_bad_references(imaged, registry, reference):
    assert imaged.resolve(reference).status == 422
    assert registry.connections == 0


def test_a_registry_that_is_not_allowed_is_not_asked(make_imaged, registry):
    make_imaged.allowed = "ghcr.io"
    imaged = make_imaged.start()
    digest, layer_digest = registry.add_image("org/disk", "v1", b"x")
    reply = imaged.resolve(f"oci://{registry.host}/org/disk:v1")
    assert reply.status == 403 and registry.host in reply.json["detail"]
    assert imaged.get(f"/v2/{registry.host}/org/disk/blobs/{layer_digest}").status == 403
    assert imaged.get(f"/v2/{registry.host}/org/disk/manifests/{digest}").status == 403
    assert registry.connections == 0
    imaged.allowed = registry.host
    imaged.write_conf()
    imaged.process.send_signal(signal.SIGHUP)
    eventually(lambda: imaged.resolve(f"oci://{registry.host}/org/disk:v1").status == 200)


def test_a_bad_reload_changes_nothing(imaged, registry):
    registry.add_image("org/disk", "v1", b"x")
    imaged.allowed = "https://127.0.0.1"
    imaged.write_conf()
    imaged.process.send_signal(signal.SIGHUP)
    eventually(lambda: "imaged.conf:" in imaged.log_text())
    assert imaged.resolve(f"oci://{registry.host}/org/disk:v1").status == 200


def test_what_is_missing(imaged, registry):
    assert imaged.resolve(f"oci://{registry.host}/org/disk:v1").status == 404


def test_a_manifest_that_is_not_its_digest(imaged, registry):
    digest, _ = registry.add_image("org/disk", "v1", b"x")
    registry.manifests[("org/disk", digest)] += b" "
    assert imaged.resolve(f"oci://{registry.host}/org/disk@{digest}").status == 502
    assert imaged.metric("digest_mismatches_total") == 1
    assert not imaged.blob_file(digest).exists()


def test_a_manifest_that_is_too_long(imaged, registry):
    registry.manifests[("org/disk", "v1")] = b"{" + b" " * (5 * 1024 * 1024)
    assert imaged.resolve(f"oci://{registry.host}/org/disk:v1").status == 502


def test_a_registry_that_is_away(imaged, registry):
    digest, layer_digest = registry.add_image("org/disk", "v1", b"x")
    assert imaged.resolve(f"oci://{registry.host}/org/disk@{digest}").status == 200
    registry.close()
    assert imaged.resolve(f"oci://{registry.host}/org/disk:v1").status == 502
    assert imaged.resolve(f"oci://{registry.host}/org/disk@{digest}").status == 200, "the cache knows it"


def test_a_silent_registry(make_imaged, registry):
    make_imaged.settings["upstream_timeout"] = "1s"
    imaged = make_imaged.start()
    registry.silent = True
    assert imaged.resolve(f"oci://{registry.host}/org/disk:v1").status == 504


def test_one_token_for_all(imaged, registry):
    registry.token = "a-secret-token"
    digest, layer_digest = registry.add_image("org/disk", "v1", b"the disk")
    assert imaged.resolve(f"oci://{registry.host}/org/disk:v1").status == 200
    assert imaged.get(f"/v2/{registry.host}/org/disk/blobs/{layer_digest}").content == b"the disk"
    asked = registry.asked("GET", "/token")
    assert len(asked) == 1
    assert "service=fake%20service" in asked[0][1] and "scope=repository%3Aorg%2Fdisk%3Apull" in asked[0][1]
    assert "a-secret-token" not in imaged.log_text()


def test_a_token_that_is_not_taken(imaged, registry):
    registry.add_image("org/disk", "v1", b"x")
    registry.token = "right"
    # The token server gives what the registry no longer takes.
    imaged.resolve(f"oci://{registry.host}/org/disk:v1")
    registry.token = "bad token with blanks"
    reply = imaged.resolve(f"oci://{registry.host}/org/disk:v1")
    assert reply.status == 502 and "token" in reply.json["detail"]


def test_manifests_pass_through(imaged, registry):
    digest, _ = registry.add_image("org/disk", "v1", b"x")
    for version in ("v1", digest):
        reply = imaged.get(f"/v2/{registry.host}/org/disk/manifests/{version}")
        assert reply.status == 200 and digest_of(reply.content) == digest
        assert reply.headers["Content-Type"] == "application/vnd.oci.image.manifest.v1+json"
        assert reply.headers["Docker-Content-Digest"] == digest
        head = imaged.get(f"/v2/{registry.host}/org/disk/manifests/{version}", method="HEAD")
        assert head.status == 200 and head.headers["Docker-Content-Digest"] == digest
        assert int(head.headers["Content-Length"]) == len(reply.content)


def test_surface(imaged, registry):
    reply = imaged.get("/v2/")
    assert reply.status == 200 and reply.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    assert imaged.get("/v2/x").status == 404
    assert imaged.get("/v2/x/tags/list").status == 404
    assert imaged.get("/v2/blobs/sha256:" + "0" * 64).status in (404, 422)
    assert imaged.get(f"/v2/{registry.host}/x/blobs/latest").status == 422
    reply = imaged.get(f"/v2/{registry.host}/x/manifests/v1", method="DELETE")
    assert reply.status == 405 and "GET" in reply.headers["Allow"]
    assert registry.connections == 0


def test_only_what_a_deployment_wants(make_imaged, registry):
    make_imaged.settings["open"] = "no"
    imaged = make_imaged.start()
    digest, layer_digest = registry.add_image("org/disk", "v1", b"x")
    assert imaged.resolve(f"oci://{registry.host}/org/disk:v1").status == 200, "this host may ask"
    assert imaged.get(f"/v2/{registry.host}/org/disk/blobs/{layer_digest}").status == 403
    assert imaged.get(f"/v2/{registry.host}/org/disk/manifests/v1").status == 403
    assert len(registry.asked("GET", "/blobs/")) == 0


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo_pulls_through(imaged, registry, tmp_path):
    _, layer_digest = registry.add_image("org/disk", "v1", b"the disk" * 100000)
    name = f"docker://127.0.0.1:{imaged.port}/{registry.host.replace(':', '_')}/org/disk:v1"
    subprocess.run(["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", name, f"dir:{tmp_path}/copy"],
                   check=True, timeout=120)
    assert digest_of((tmp_path / "copy" / layer_digest.split(":")[1]).read_bytes()) == layer_digest
    assert json.loads((tmp_path / "copy/manifest.json").read_text())["layers"][0]["digest"] == layer_digest
