# SPDX-License-Identifier: Apache-2.0
"""apid among the other four: what they do shows in its answers, and its questions reach imaged."""

import socket
import threading

DIGEST = "sha256:" + "d4" * 32


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_registry_that_does_not_answer(yard):
    assert yard.request("apid", "PUT", "/v1/machines/inyard-1", {}).status == 201
    url = f"oci://127.0.0.1:{closed_port()}/disk:1"
    refused = yard.request("apid", "POST", "/v1/machines/inyard-1/deployments", {"image": {"url": url}})
    assert refused.status in (502, 503, 504) and refused.json["detail"].startswith("image.url")
    made = yard.request("apid", "POST", "/v1/machines/inyard-1/deployments", {"image": {"url": url, "digest": DIGEST}})
    assert made.status == 201 and made.json["warnings"]


def test_a_registry_that_is_not_allowed(yard):
    assert yard.request("apid", "PUT", "/v1/machines/inyard-2", {}).status == 201
    for image in ({"url": "oci://registry.example/disk:1"}, {"url": "oci://registry.example/disk:1", "digest": DIGEST}):
        refused = yard.request("apid", "POST", "/v1/machines/inyard-2/deployments", {"image": image})
        assert refused.status == 422 and "not allowed" in refused.json["detail"]
    assert yard.request("apid", "GET", "/v1/machines/inyard-2/deployments").json == {"deployments": []}


def test_what_bootd_does_wakes_who_waits_at_apid(yard):
    mac = "52:54:00:a1:00:03"
    assert yard.request("apid", "PUT", "/v1/machines/inyard-3", {"interfaces": [{"mac": mac}]}).status == 201
    made = yard.request("apid", "POST", "/v1/machines/inyard-3/deployments",
                        {"image": {"url": "https://files.example/disk.raw", "digest": DIGEST}})
    assert made.status == 201
    path = "/v1/machines/inyard-3/timeline"
    after = yard.request("apid", "GET", path).json["next"]
    replies = []
    waiting = threading.Thread(target=lambda: replies.append(yard.request("apid", "GET", f"{path}?after={after}&wait=30", timeout=60)))
    waiting.start()
    script = yard.request("bootd", "GET", f"/ipxe/mac/{mac}")
    assert script.status == 200 and script.text.startswith("#!ipxe")
    waiting.join(60)
    assert {event["source"] for event in replies[0].json["events"]} == {"bootd"}
    shown = yard.request("apid", "GET", f"/v1/deployments/{made.json['id']}").json
    assert shown["state"] == "booting"
    assert yard.request("apid", "GET", "/v1/machines/inyard-3").json["deployment"]["state"] == "booting"
    assert yard.request("apid", "DELETE", f"/v1/deployments/{made.json['id']}").json["state"] == "cancelled"
