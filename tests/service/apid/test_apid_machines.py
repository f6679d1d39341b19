# SPDX-License-Identifier: Apache-2.0
"""The register of machines over HTTP."""

import pytest

WHOLE = {"uuid": "6f2c1f0e-8a3b-4a51-9d5e-0d6a3a3a0001", "serial": "S-1", "arch": "arm64",
         "interfaces": [{"mac": "52:54:00:aa:00:01"}, {"mac": "52-54-00-AA-00-02"}], "labels": {"rack": "r1"},
         "power": {"driver": "command", "name": "vm1", "password": "word"}}


def test_put_creates_then_replaces(api):
    first = api.call("PUT", "/v1/machines/whole", WHOLE)
    assert first.status == 201
    shown = first.json
    assert shown["name"] == "whole" and shown["uuid"] == WHOLE["uuid"] and shown["arch"] == "arm64"
    assert shown["interfaces"] == [{"mac": "52:54:00:aa:00:01"}, {"mac": "52:54:00:aa:00:02"}]
    assert shown["labels"] == {"rack": "r1"} and shown["deployment"] is None and shown["enrolled"] is False
    assert shown["power"] == {"driver": "command", "name": "vm1", "password": "***"}
    again = api.call("PUT", "/v1/machines/whole", {"interfaces": [{"mac": "52:54:00:aa:00:01"}]})
    assert again.status == 200
    assert again.json["created"] == shown["created"] and again.json["uuid"] is None and again.json["power"] is None
    assert again.json["interfaces"] == [{"mac": "52:54:00:aa:00:01"}]
    assert api.call("GET", "/v1/machines/whole").json == again.json
    events = api.call("GET", "/v1/machines/whole/timeline").json["events"]
    assert [event["kind"] for event in events] == ["machine.registered"]


def test_identities_belong_to_one_machine(api):
    uuid = "6f2c1f0e-8a3b-4a51-9d5e-0d6a3a3a0002"
    one = {"uuid": uuid, "serial": "S-2", "interfaces": [{"mac": "52:54:00:aa:01:01"}]}
    assert api.call("PUT", "/v1/machines/one", one).status == 201
    for part in ("uuid", "serial", "interfaces"):
        before = api.tables()
        reply = api.call("PUT", "/v1/machines/two", {part: one[part]})
        assert reply.status == 409 and "one" in reply.detail
        assert api.tables() == before
    assert api.call("GET", "/v1/machines/two").status == 404


def test_list_pages(api):
    names = [f"page-{number:03}" for number in range(25)]
    for name in names:
        assert api.call("PUT", f"/v1/machines/{name}", {}).status == 201
    seen, after = [], "page-"
    for _ in range(10):
        page = api.call("GET", f"/v1/machines?after={after}&limit=10").json
        seen += [machine["name"] for machine in page["machines"]]
        after = page["next"]
        if after is None:
            break
        assert len(page["machines"]) == 10 and after == seen[-1]
    assert [name for name in seen if name.startswith("page-")] == names
    assert seen == sorted(seen)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=-1", "limit=", "limit=99999999999999999999"])
def test_list_refuses_bad_limits(api, query):
    reply = api.call("GET", f"/v1/machines?{query}")
    assert reply.status == 400 and "limit" in reply.detail


def test_delete(api, machine):
    assert api.call("DELETE", f"/v1/machines/{machine}").status == 204
    assert api.call("GET", f"/v1/machines/{machine}").status == 404
    assert api.call("DELETE", f"/v1/machines/{machine}").status == 404
    assert api.call("GET", f"/v1/machines/{machine}/timeline").status == 404


def test_delete_waits_for_the_deployment(api, machine, imaged):
    made = api.call("POST", f"/v1/machines/{machine}/deployments", {"image": {"url": "oci://h/a"}}).json
    reply = api.call("DELETE", f"/v1/machines/{machine}")
    assert reply.status == 409
    assert api.call("DELETE", f"/v1/deployments/{made['id']}").status == 200
    assert api.call("DELETE", f"/v1/machines/{machine}").status == 204
    assert api.call("GET", f"/v1/deployments/{made['id']}").status == 404


BAD = [
    ({"uuid": "6f2c1f0e"}, "uuid: not a UUID"),
    ({"interfaces": [{"mac": "52:54:00:00:00:01"}, {"mac": "no"}]}, "interfaces[1].mac: not a MAC address"),
    ({"interfaces": [{}]}, "interfaces[0].mac: is missing"),
    ({"interfaces": {}}, "interfaces: must be an array, not an object"),
    ({"interfaces": [{"mac": f"52:54:00:01:00:{n:02x}"} for n in range(65)]}, "interfaces: must have 0 to 64"),
    ({"labels": {"a": 1}}, "labels.a: must be a string, not a number"),
    ({"labels": {f"l{n}": "" for n in range(65)}}, "labels: must have 0 to 64"),
    ({"labels": {"a": "x" * 257}}, "labels.a: longer than 256 bytes"),
    ({"arch": None}, "arch: must be a string, not null"),
    ({"serial": "x" * 128}, "serial: longer than 127 bytes"),
    ({"serial": "a\x1bb"}, "serial: must not contain control characters"),
    ({"power": {}}, "power: must have 1 to 32"),
    ({"power": {"driver": "x", "blob": "y" * 20000}}, "power: longer than"),
    ({"name": "other"}, "name: unknown member"),
]


@pytest.mark.parametrize("document,detail", BAD, ids=[detail for _, detail in BAD])
def test_bad_members_are_named_and_nothing_is_written(api, document, detail):
    before = api.tables()
    reply = api.call("PUT", "/v1/machines/bad", document)
    assert reply.status == 422
    assert reply.detail.startswith(detail)
    assert api.tables() == before


@pytest.mark.parametrize("name", ["UPPER", "-dash", "dash-", "a_b", "x" * 64, "%2e%2e", "a%20b", "a..b"])
def test_bad_names(api, name):
    before = api.tables()
    assert api.call("PUT", f"/v1/machines/{name}", {}).status in (400, 422)
    assert api.call("GET", f"/v1/machines/{name}").status in (400, 404)
    assert api.tables() == before
