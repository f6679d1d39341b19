# SPDX-License-Identifier: Apache-2.0
"""An image whose name nobody could resolve when its deployment was made: bootd asks imaged, and says how it stands."""

import http.server
import json
import pathlib
import sys
import threading
import urllib.parse

import pytest
import yardlib
from bootd_yard import SCRIPT, WAIT, Bootd, Firmware, free_port

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "imaged"))
import fake_registry  # noqa: E402
import imaged_process  # noqa: E402

DIGEST = "sha256:" + "1" * 64
LAYER = "sha256:" + "2" * 64
GOOD = {"digest": DIGEST, "layer_digest": LAYER, "layer_size": 1234, "media_type": "application/vnd.disk+zstd",
        "blob_url": f"http://imaged.example/v2/registry.example/disk/blobs/{LAYER}"}


class Imaged:
    """Answers /resolve as it is told to."""

    def __init__(self, port):
        self.asked, self.status, self.answer = [], 200, GOOD
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                peer.asked.append(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query))
                body = peer.answer if isinstance(peer.answer, bytes) else json.dumps(peer.answer).encode()
                self.send_response(peer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def scene(tmp_path):
    port = free_port()
    with Bootd(tmp_path, conf=f"[imaged]\nurl = http://127.0.0.1:{port}\n") as bootd:
        machine = Firmware(bootd, "m1", "52:54:00:00:00:01")
        bootd.seed("machine", machine.name, machine.mac)
        deployment = bootd.seed("deploy", machine.name, "unresolved")["id"]
        yield bootd, machine, deployment, port


def is_waiting(text):
    wait = WAIT.fullmatch(text)
    return wait if wait and wait["seconds"] == "10" and "waiting for the image's registry" in wait["text"] else None


def test_imaged_is_down_then_up(scene):
    bootd, machine, deployment, port = scene
    assert is_waiting(machine.ask())
    yardlib.wait_for(lambda: "cannot be resolved" in bootd.log(), what="the failed question")
    assert is_waiting(machine.ask())
    assert bootd.seed("deployment", deployment)["state"] == "pending", "nothing was served, so nothing counts"
    imaged = Imaged(port)
    try:
        yardlib.wait_for(lambda: SCRIPT.fullmatch(machine.ask()), what="the agent's script")
        assert imaged.asked[0]["ref"] == [f"oci://registry.example/disk:1@{DIGEST}"] and imaged.asked[0]["arch"] == ["amd64"]
        variables = machine.boot()
        assert variables["IMAGE"] == GOOD["blob_url"] and variables["IMAGE_DIGEST"] == LAYER and variables["IMAGE_FORMAT"] == "zstd"
        assert len(imaged.asked) == 1, "it is asked once"
        assert bootd.timeline("m1", "image.pinned")
    finally:
        imaged.close()


@pytest.mark.parametrize("status, answer, said", [
    (403, {"detail": "registry.example is not allowed"}, "registry.example is not allowed"),
    (200, b"no JSON", "not a JSON object"),
    (200, dict(GOOD, layer_digest="sha256:x"), "no digest"),
    (200, dict(GOOD, blob_url="x" * 5000), "no usable"),
    (200, dict(GOOD, layer_size=-1), "no size"),
    (500, b"", "status 500"),
])
def test_bad_answers(scene, status, answer, said):
    bootd, machine, deployment, port = scene
    imaged = Imaged(port)
    imaged.status, imaged.answer = status, answer
    try:
        wait = yardlib.wait_for(lambda: (found := is_waiting(machine.ask())) and said in found["text"] and found, what=said)
        assert "\n" not in wait["text"]
        assert bootd.seed("deployment", deployment)["state"] == "pending"
    finally:
        imaged.close()


def test_another_digest_is_not_taken(scene):
    bootd, machine, deployment, port = scene
    imaged = Imaged(port)
    imaged.answer = dict(GOOD, digest=LAYER)
    try:
        machine.ask()
        yardlib.wait_for(lambda: "is pinned to" in bootd.log(), what="the refusal")
        assert is_waiting(machine.ask())
    finally:
        imaged.close()


def test_with_the_real_imaged(tmp_path):
    """What one daemon writes the other reads."""
    registry = fake_registry.Registry()
    (tmp_path / "imaged").mkdir()
    imaged = imaged_process.Imaged(tmp_path / "imaged")
    digest, layer = registry.add_image("org/disk", "v1", b"the disk")
    imaged.start()
    try:
        with Bootd(tmp_path / "bootd", conf=f"[imaged]\nurl = http://127.0.0.1:{imaged.port}\n") as bootd:
            machine = Firmware(bootd, "m1", "52:54:00:00:00:01")
            bootd.seed("machine", machine.name, machine.mac)
            bootd.seed("deploy", machine.name, "unresolved", f"oci://{registry.host}/org/disk:v1", digest)
            assert is_waiting(machine.ask())
            yardlib.wait_for(lambda: SCRIPT.fullmatch(machine.ask()), what="the agent's script")
            variables = machine.boot()
        assert variables["IMAGE"] == f"http://127.0.0.1:{imaged.port}/v2/{registry.host}/org/disk/blobs/{layer}"
        assert variables["IMAGE_DIGEST"] == layer and variables["IMAGE_FORMAT"] == "zstd"
    finally:
        imaged.stop()
        registry.close()
