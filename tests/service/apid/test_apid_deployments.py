# SPDX-License-Identifier: Apache-2.0
"""Deployments over HTTP: made, pinned, refused, cancelled."""

import sqlite3
import threading
import time

import pytest

from apid_harness import DIGEST, LAYER, Yard, free_port, wait_until

OTHER = "sha256:" + "c3" * 32


def post(api, machine, **members):
    members.setdefault("image", {"url": "oci://registry.example:5000/debian:12"})
    return api.call("POST", f"/v1/machines/{machine}/deployments", members)


def test_a_tag_is_pinned(api, machine, imaged):
    reply = post(api, machine, mode="provision", hostname="w1.example", vars={"REGION": "north", "JOIN_TOKEN": "geheim"})
    assert reply.status == 201, reply.body
    made = reply.json
    assert reply.headers["Location"] == f"/v1/deployments/{made['id']}"
    assert imaged.asked == [{"ref": "oci://registry.example:5000/debian:12", "arch": "amd64"}]
    assert made["image"] == {"url": "oci://registry.example:5000/debian:12", "digest": DIGEST, "raw_digest": None,
                             "layer_digest": LAYER}
    assert made["state"] == "pending" and made["machine"] == machine and made["hostname"] == "w1.example"
    assert made["vars"] == {"REGION": "north", "JOIN_TOKEN": "***"} and made["warnings"] == []
    assert made["attempts"] == 0 and made["touched"] is False
    assert api.call("GET", f"/v1/deployments/{made['id']}").json == made
    assert api.call("GET", f"/v1/machines/{machine}/deployments").json == {"deployments": [made]}
    assert api.call("GET", f"/v1/machines/{machine}").json["deployment"] == {"id": made["id"], "state": "pending"}
    assert "geheim" in api.rows("SELECT vars FROM deployments WHERE id = ?", made["id"])[0][0]


def test_defaults(api, machine, imaged):
    made = post(api, machine).json
    assert made["mode"] == "provision" and made["hostname"] == machine and made["phone_home"] is True
    assert made["vars"] == {}


def test_a_digest_is_what_is_asked_for(api, machine, imaged):
    made = post(api, machine, image={"url": "oci://registry.example/debian:12", "digest": DIGEST})
    assert made.status == 201
    assert imaged.asked[0]["ref"] == f"oci://registry.example/debian:12@{DIGEST}"


def test_another_digest_is_refused(api, machine, imaged):
    before = api.tables()
    reply = post(api, machine, image={"url": "oci://registry.example/debian:12", "digest": OTHER})
    assert reply.status == 422 and reply.detail.startswith("image.digest") and DIGEST in reply.detail
    assert api.tables() == before


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_silent_registry(api, machine, imaged, status):
    imaged.problem(status, "registry.example does not answer")
    before = api.tables()
    refused = post(api, machine)
    assert refused.status in (502, 503, 504) and "registry.example does not answer" in refused.detail
    assert api.tables() == before
    made = post(api, machine, image={"url": "oci://registry.example/debian", "digest": DIGEST})
    assert made.status == 201
    assert any("registry.example does not answer" in warning for warning in made.json["warnings"])
    assert made.json["image"]["digest"] == DIGEST and made.json["image"]["layer_digest"] is None
    assert api.call("GET", f"/v1/deployments/{made.json['id']}").json["warnings"] != []
    events = api.call("GET", f"/v1/machines/{machine}/timeline").json["events"]
    assert any(event["kind"] == "deployment.warning" and "does not answer" in event["text"] for event in events)


@pytest.mark.parametrize("document", [[], {"digest": "x"}, {"digest": DIGEST, "layer_digest": LAYER}, "x" * 70000])
def test_a_broken_imaged(api, machine, imaged, document):
    imaged.document = document
    reply = post(api, machine)
    assert reply.status == 502, reply.body
    assert api.call("GET", f"/v1/machines/{machine}").json["deployment"] is None


def test_a_registry_that_is_not_allowed(api, machine, imaged):
    imaged.problem(403, "registry bad.example is not allowed")
    before = api.tables()
    for image in ({"url": "oci://bad.example/a"}, {"url": "oci://bad.example/a", "digest": DIGEST}):
        reply = post(api, machine, image=image)
        assert reply.status == 422 and reply.detail == "image.url: registry bad.example is not allowed"
    assert api.tables() == before


def test_http_images(api, machine, imaged):
    before = api.tables()
    reply = post(api, machine, image={"url": "http://files.example/debian.raw.zst"})
    assert reply.status == 422 and reply.detail.startswith("image.digest: is missing")
    assert api.tables() == before
    made = post(api, machine, image={"url": "http://me:word@files.example/debian.raw.zst", "digest": DIGEST})
    assert made.status == 201 and imaged.asked == []
    assert made.json["image"]["url"] == "http://***@files.example/debian.raw.zst"
    assert made.json["image"]["layer_digest"] == DIGEST and made.json["warnings"] == []
    assert "word" not in api.call("GET", f"/v1/machines/{machine}/timeline").body.decode()


def test_https_without_digest_is_warned_of(api, machine, imaged):
    made = post(api, machine, image={"url": "https://files.example/debian.raw"})
    assert made.status == 201 and made.json["image"]["digest"] is None
    assert made.json["warnings"][0].startswith("image.digest")


def test_a_busy_machine(api, machine, imaged):
    first = post(api, machine).json
    imaged.asked.clear()
    before = api.tables()
    reply = post(api, machine)
    assert reply.status == 409 and first["id"] in reply.detail
    assert api.tables() == before and imaged.asked == []
    cancelled = api.call("DELETE", f"/v1/deployments/{first['id']}")
    assert cancelled.status == 200 and cancelled.json["state"] == "cancelled" and cancelled.json["touched"] is False
    assert api.call("DELETE", f"/v1/deployments/{first['id']}").status == 409
    second = post(api, machine)
    assert second.status == 201
    listed = api.call("GET", f"/v1/machines/{machine}/deployments").json["deployments"]
    assert [one["id"] for one in listed] == [second.json["id"], first["id"]]


def test_two_posts_at_once_make_one(api, machine, imaged):
    imaged.delay = 0.3
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(post(api, machine))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]
    made = next(reply for reply in replies if reply.status == 201).json["id"]
    assert all(made in reply.detail for reply in replies if reply.status == 409)


BAD = [
    ({"image": {}}, "image.url: is missing"),
    ({"image": {"url": "oci://h/a", "digest": "sha256:xyz"}}, "image.digest: not a digest"),
    ({"image": {"url": "oci://h/a", "raw_digest": "md5:00"}}, "image.raw_digest: not a digest"),
    ({"image": {"url": "ftp://h/a"}}, "image.url: must begin with"),
    ({"image": {"url": "oci://h/" + "a" * 1100}}, "image.url: longer than 1023 bytes"),
    ({"mode": "deprovision"}, "mode: deprovision is not built yet"),
    ({"hostname": "no_underscores"}, "hostname: not a host name"),
    ({"vars": {"A": 1}}, "vars.A: must be a string, not a number"),
    ({"vars": {"TOKEN": "x"}}, "vars.TOKEN: is set by bootyard"),
    ({"vars": {"IMAGE": "x"}}, "vars.IMAGE: is set by bootyard"),
    ({"vars": {"A": "x\ny"}}, "vars.A: "),
    ({"vars": {f"V{n}": "" for n in range(257)}}, "vars: must have 0 to 256"),
    ({"vars": {f"V{n}": "x" * 1000 for n in range(70)}}, "vars: longer than 65536"),
    ({"surprise": 1}, "surprise: unknown member"),
]


@pytest.mark.parametrize("members,detail", BAD, ids=[detail for _, detail in BAD])
def test_bad_members_are_named_and_nothing_is_written(api, machine, imaged, members, detail):
    before = api.tables()
    reply = post(api, machine, **members)
    assert reply.status == 422 and reply.detail.startswith(detail)
    assert api.tables() == before and imaged.asked == []


@pytest.mark.parametrize("identifier", ["x", "6f2c1f0e-8a3b-4a51-9d5e-0d6a3a3affff", "%00", "..%2f"])
def test_unknown_deployments(api, identifier):
    assert api.call("GET", f"/v1/deployments/{identifier}").status in (400, 404)
    assert api.call("DELETE", f"/v1/deployments/{identifier}").status in (400, 404)


def test_unknown_machine(api, imaged):
    assert post(api, "nobody").status == 404


def test_what_was_acknowledged_survives_sigkill(api, imaged):
    for number in range(5):
        name = f"kill-{number}"
        assert api.call("PUT", f"/v1/machines/{name}", {}).status == 201
        made = post(api, name)
        assert made.status == 201
        api.kill()
        api.start()
        kept = api.call("GET", f"/v1/deployments/{made.json['id']}")
        assert kept.status == 200 and kept.json == made.json


def test_sigterm_while_imaged_is_asked(api, machine, imaged):
    imaged.delay = 1.5
    replies = []
    thread = threading.Thread(target=lambda: replies.append(post(api, machine)))
    thread.start()
    try:
        wait_until(lambda: imaged.asked, 10, "question to imaged")
        api.stop()
    finally:
        thread.join()
        api.start()
    # Drained, not dropped: the reply came, and it is true.
    assert replies and replies[0].status == 201
    assert api.call("GET", f"/v1/deployments/{replies[0].json['id']}").status == 200


def test_imaged_is_away(tmp_path):
    yard = Yard(tmp_path, f"http://127.0.0.1:{free_port()}")
    try:
        assert yard.call("PUT", "/v1/machines/w1", {}).status == 201
        reply = post(yard, "w1")
        assert reply.status == 502 and "imaged cannot be asked" in reply.detail
        made = post(yard, "w1", image={"url": "oci://registry.example/debian", "digest": DIGEST})
        assert made.status == 201 and "imaged cannot be asked" in made.json["warnings"][0]
    finally:
        yard.stop()


def test_cancel_waits_for_a_live_agent(api, machine, imaged):
    made = post(api, machine).json
    # What bootd and statusd leave behind when an agent reports, without the two: this file starts apid alone.
    with sqlite3.connect(api.state / "yard.db", timeout=10) as db:
        seq, machine_id = db.execute("SELECT seq, machine_id FROM deployments WHERE id = ?", (made["id"],)).fetchone()
        now = int(time.time() * 1000)
        db.execute("UPDATE deployments SET state = 2, touched = 1 WHERE seq = ?", (seq,))
        db.execute("INSERT INTO attempts (key, machine_id, deployment_seq, address, address_own, token_hash, first_contact_ms,"
                   " last_contact_ms, created_ms) VALUES ('k', ?, ?, '192.0.2.1', 1, x'00', ?, ?, ?)",
                   (machine_id, seq, now, now, now))
    reply = api.call("DELETE", f"/v1/deployments/{made['id']}")
    assert reply.status == 202
    assert reply.json["state"] == "running" and reply.json["cancel_requested"] is True and reply.json["touched"] is True
    assert api.call("DELETE", f"/v1/machines/{machine}").status == 409
