# SPDX-License-Identifier: Apache-2.0
"""Debian's docker-registry, an image pushed into it the way the demo yard does, and pulls through imaged."""

import hashlib
import os
import shutil
import subprocess
import urllib.request

import pytest

from imaged_process import ROOT, eventually, free_port

pytestmark = pytest.mark.skipif(not shutil.which("docker-registry") or not shutil.which("curl"),
                                reason="docker-registry or curl is not installed")


@pytest.fixture
def real_registry(tmp_path):
    host = f"127.0.0.1:{free_port()}"
    (tmp_path / "registry.yml").write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path}/registry\nhttp:\n  addr: {host}\n")
    with open(tmp_path / "registry.log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", tmp_path / "registry.yml"], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)

    def answers():
        assert process.poll() is None, (tmp_path / "registry.log").read_text()
        try:
            return urllib.request.urlopen(f"http://{host}/v2/", timeout=5).status == 200
        except OSError:
            return False

    eventually(answers, 60)
    yield host
    process.terminate()
    process.wait(30)


def test_pushed_resolved_pulled(imaged, real_registry, tmp_path):
    content = os.urandom(5 * 1024 * 1024)
    (tmp_path / "disk.zst").write_bytes(content)
    pushed = subprocess.run([ROOT / "tools/lab/push-image", "--registry", real_registry, "--name", "debian:12",
                             "--file", tmp_path / "disk.zst"], check=True, timeout=120, capture_output=True, text=True)
    facts = dict(line.split("=", 1) for line in pushed.stdout.splitlines() if "=" in line)
    reply = imaged.resolve(facts["IMAGE_URL"])
    assert reply.status == 200, reply.content
    assert reply.json["digest"] == facts["IMAGE_DIGEST"]
    assert reply.json["layer_digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
    assert reply.json["layer_size"] == len(content)
    path = reply.json["blob_url"].removeprefix(f"http://127.0.0.1:{imaged.port}")
    assert int(imaged.get(path, method="HEAD").headers["Content-Length"]) == len(content)
    assert imaged.get(path).content == content
    assert imaged.metric("upstream_bytes_total") == len(content)
