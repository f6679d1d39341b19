# SPDX-License-Identifier: Apache-2.0
"""Without a credential imaged gives away what a deployment that is not over names: with a real apid, by devyard."""

import json
import os
import ssl
import subprocess
import threading
import types
import urllib.error
import urllib.request

import pytest

from imaged_process import BUILD, ROOT

START_SECONDS = 90


def call(yard, method, url, body=None, token=None):
    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request, timeout=30, context=yard.tls) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as err:
        return err.code, err.read()


@pytest.fixture
def yard(tmp_path):
    process = subprocess.Popen([ROOT / "tools/devyard", tmp_path / "yard"], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "YARD_BUILD": str(BUILD)})
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    facts = {}
    for line in process.stdout:
        if line.strip() == "READY":
            break
        name, _, value = line.strip().partition("=")
        facts[name] = value
    watchdog.cancel()
    assert "IMAGED_URL" in facts, "devyard did not start"
    yield types.SimpleNamespace(apid=facts["APID_URL"], imaged=facts["IMAGED_URL"], token=facts["ADMIN_TOKEN"],
                                tls=ssl.create_default_context(cafile=facts["CA_FILE"]))
    process.terminate()
    assert process.wait(60) == 0


def test_only_while_a_deployment_wants_it(yard, registry):
    digest, layer = registry.add_image("org/disk", "v1", b"the disk")
    _, other = registry.add_image("org/other", "v1", b"another disk")
    blobs = f"{yard.imaged}/v2/{registry.host}/org/disk/blobs"
    assert call(yard, "GET", f"{blobs}/{layer}")[0] == 403

    status, reply = call(yard, "PUT", f"{yard.apid}/v1/machines/m1", {"interfaces": [{"mac": "52:54:00:00:00:01"}]}, yard.token)
    assert status == 201, reply
    status, reply = call(yard, "POST", f"{yard.apid}/v1/machines/m1/deployments",
                         {"mode": "provision", "image": {"url": f"oci://{registry.host}/org/disk:v1"}}, yard.token)
    assert status == 201, reply
    deployment = json.loads(reply)["id"]

    assert call(yard, "GET", f"{blobs}/{layer}") == (200, b"the disk")
    assert call(yard, "GET", f"{yard.imaged}/v2/{registry.host}/org/disk/manifests/{digest}")[0] == 200
    assert call(yard, "GET", f"{yard.imaged}/v2/{registry.host}/org/other/blobs/{other}")[0] == 403
    assert call(yard, "GET", f"{yard.imaged}/v2/{registry.host}/org/other/blobs/{layer}")[0] == 403, "wanted, but not from there"
    assert call(yard, "GET", f"{yard.imaged}/v2/{registry.host}/org/disk/manifests/v1")[0] == 403

    status, reply = call(yard, "DELETE", f"{yard.apid}/v1/deployments/{deployment}", None, yard.token)
    assert status in (200, 202, 204), reply
    assert call(yard, "GET", f"{blobs}/{layer}")[0] == 403
