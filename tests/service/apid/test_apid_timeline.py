# SPDX-License-Identifier: Apache-2.0
"""The timeline: pages, and waiting for what comes."""

import threading
import time

import pytest


def fill(api, machine, imaged, count):
    for _ in range(count):
        made = api.call("POST", f"/v1/machines/{machine}/deployments", {"image": {"url": "oci://h/a"}}).json
        assert api.call("DELETE", f"/v1/deployments/{made['id']}").status == 200


def test_pages_add_up(api, machine, imaged):
    fill(api, machine, imaged, 4)
    path = f"/v1/machines/{machine}/timeline"
    whole = api.call("GET", path).json["events"]
    assert len(whole) >= 9 and [event["seq"] for event in whole] == sorted({event["seq"] for event in whole})
    assert {event["source"] for event in whole} == {"apid"}
    pages, after = [], 0
    while True:
        page = api.call("GET", f"{path}?after={after}&limit=2").json
        if not page["events"]:
            assert page["next"] == after
            break
        assert len(page["events"]) <= 2 and page["next"] == page["events"][-1]["seq"]
        pages += page["events"]
        after = page["next"]
    assert pages == whole
    cancelled = [event for event in whole if event["deployment"]]
    assert cancelled and all(event["kind"].startswith("deployment.") for event in cancelled)


def test_an_event_wakes_who_waits(api, machine, imaged):
    path = f"/v1/machines/{machine}/timeline"
    after = api.call("GET", path).json["next"]
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(api.call("GET", f"{path}?after={after}&wait=30")))
               for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    assert replies == []
    started = time.monotonic()
    fill(api, machine, imaged, 1)
    for thread in threads:
        thread.join(30)
    assert time.monotonic() - started < 20, "not by the end of the wait"
    assert len(replies) == 5 and all(reply.json["events"] for reply in replies)


def test_a_wait_ends_empty(api, machine):
    path = f"/v1/machines/{machine}/timeline"
    after = api.call("GET", path).json["next"]
    reply = api.call("GET", f"{path}?after={after}&wait=1")
    assert reply.status == 200 and reply.json == {"events": [], "next": after}


def test_clients_that_leave_are_no_trouble(api, machine, imaged):
    after = api.call("GET", f"/v1/machines/{machine}/timeline").json["next"]
    for _ in range(20):
        connection = api.connect()
        connection.request("GET", f"/v1/machines/{machine}/timeline?after={after}&wait=30",
                           headers={"Authorization": f"Bearer {api.admin}"})
        connection.close()
    fill(api, machine, imaged, 1)
    assert api.call("GET", "/healthz", token=None).status == 200


def test_the_end_of_apid_answers_who_waits(api, machine):
    after = api.call("GET", f"/v1/machines/{machine}/timeline").json["next"]
    replies = []
    thread = threading.Thread(target=lambda: replies.append(
        api.call("GET", f"/v1/machines/{machine}/timeline?after={after}&wait=30")))
    thread.start()
    time.sleep(0.3)
    started = time.monotonic()
    api.stop()
    thread.join(30)
    api.start()
    assert time.monotonic() - started < 25
    assert replies and replies[0].json["events"] == []


@pytest.mark.parametrize("query", ["after=-1", "after=x", "wait=31", "limit=1001", "limit=0"])
def test_bad_queries(api, machine, query):
    reply = api.call("GET", f"/v1/machines/{machine}/timeline?{query}")
    assert reply.status == 400 and query.split("=")[0] in reply.detail


def test_log_and_reports_of_a_silent_machine(api, machine):
    assert api.call("GET", f"/v1/machines/{machine}/log").json == {"lines": [], "next": 0}
    for kind in ("inventory", "..%2f", "Inventory"):
        assert api.call("GET", f"/v1/machines/{machine}/reports/{kind}").status in (400, 404)
