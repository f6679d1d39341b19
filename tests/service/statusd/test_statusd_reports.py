# SPDX-License-Identifier: Apache-2.0
"""What an agent may say: status, log lines, documents. The numbers are those of the interoperability cases."""

import json

import pytest
from statusd_yard import Agent, outside_address, wait_for

OK = (200, 204)


def test_probe_has_no_effect(statusd, agent):
    """S-01, S-02: HEAD without a credential, again and again."""
    before = agent.timeline()
    connection = statusd.connect()
    for _ in range(50):
        for path in ("init", "success", "error", "heartbeat"):
            connection.request("HEAD", f"/status/{path}")
            response = connection.getresponse()
            assert response.status in OK and response.read() == b""
    connection.close()
    assert agent.timeline() == before and agent.state() == "booting"


def test_the_whole_way(agent):
    """S-03, S-04, S-06 to S-09: each report may come twice."""
    for _ in range(3):
        assert agent.post("/status/init", "provisioning started").status in OK
        assert agent.state() == "running"
    assert agent.post("/status/init", "").status in OK
    for _ in range(2):
        assert agent.post("/status/success", "provisioning complete").status in OK
        assert agent.state() == "installed"
    assert agent.post("/log", "[INFO] late line").status in OK
    assert agent.logs()[-1] == {"level": "I", "text": "[INFO] late line"}
    assert len(agent.timeline("agent.success")) == 1


def test_without_phone_home(statusd):
    agent = Agent(statusd, quiet=True)
    agent.post("/status/init", "provisioning started")
    assert agent.post("/status/success", "provisioning complete").status in OK
    assert agent.state() == "succeeded"


def test_standby(standby):
    """S-05: standby is not running."""
    assert standby.post("/status/init", "standby").status in OK
    assert not standby.timeline("deployment.state")
    assert standby.post("/status/heartbeat", "heartbeat").status in OK


def test_error_names_its_step(agent):
    """S-10, S-12: and a new start goes on from there."""
    text = "step detect-disk failed: exhausted 3 retries: no suitable disk found (min 0 GB)"
    agent.post("/status/init", "provisioning started")
    assert agent.post("/status/error", text).status in OK
    shown = agent.shown()
    assert shown["state"] == "failing" and shown["step"] == "detect-disk" and "no suitable disk" in shown["reason"]
    assert {"level": "E", "text": text} in agent.logs()
    assert agent.post("/status/init", "provisioning started").status in OK
    assert agent.state() == "running"
    agent.post("/status/success", "provisioning complete")
    assert agent.state() == "installed"


def test_big_noisy_error(agent):
    """S-11: 256 KiB of what is no UTF-8."""
    noise = b"step x failed: " + bytes(range(1, 256)) * 1024
    agent.post("/status/init", "provisioning started")
    assert agent.post("/status/error", noise).status in OK
    assert agent.state() == "failing"
    assert agent.post("/status/error", b"e" * (1024 * 1024 + 1)).status == 413


def test_dry_run_installs_nothing(agent):
    """S-15, S-16."""
    agent.post("/status/init", "provisioning started")
    assert agent.post("/status/success", "dry-run passed all checks:\n[pass] efi-boot: yes\n").status in OK
    assert agent.state() == "running"
    assert agent.post("/status/error", "dry-run completed with 2 failure(s):\n[fail] x: y\n").status in OK
    assert agent.state() == "running"
    assert len(agent.timeline("agent.dry-run")) == 2


def test_log_lines(agent):
    """S-17, S-18, S-20: before any init, with levels, 64 KiB long."""
    assert agent.post("/log", "[INFO] early").status in OK
    assert agent.post("/log", "[WARN] debug label=x data=a b c").status in OK
    assert agent.post("/log", "[ERROR] bad").status in OK
    assert agent.post("/log", ("line\n" * 14000)[:65536]).status in OK
    assert agent.post("/log", "x" * 65537).status == 413
    assert agent.post("/debug", "free text").status in OK
    logs = agent.logs()
    assert [line["level"] for line in logs] == ["I", "W", "E", "I", "D"]
    assert logs[1]["text"] == "[WARN] debug label=x data=a b c" and len(logs[3]["text"]) == 65536


def test_log_storm_is_none_in_the_timeline(statusd, agent):
    """S-19: 600 lines on one connection, an error on a second."""
    agent.post("/status/init", "provisioning started")
    before = len(agent.timeline())
    connection = statusd.connect()
    headers = {"Authorization": f"Bearer {agent.token}", "Content-Type": "text/plain"}
    for number in range(600):
        connection.request("POST", "/log", f"[INFO] line {number}".encode(), headers)
        response = connection.getresponse()
        assert response.status in OK
        response.read()
        if number == 300:
            assert agent.post("/status/error", "step partprobe failed: x").status in OK
    connection.close()
    assert [line["text"] for line in agent.logs() if "[INFO] line" in line["text"]] == [
        f"[INFO] line {number}" for number in range(600)]
    assert len(agent.timeline()) - before < 5


def test_steps_and_progress(agent):
    agent.post("/status/init", "provisioning started")
    assert agent.post("/log", "[INFO] provisioning step step=stream-image index=18 total=36").status in OK
    assert agent.shown()["step"] == "stream-image"
    for done in range(1, 21):
        line = f"[INFO] progress stage=image bytes={done * 1000} total=20000 rate=77"
        assert agent.post("/log", line).status in OK
        assert agent.shown()["bytes"] == done * 1000
    assert agent.shown()["total"] == 20000
    assert 1 <= len(agent.timeline("agent.progress")) < 20
    assert agent.post("/log", "[INFO] provisioning step step=../../etc index=1 total=2").status in OK
    assert agent.shown()["step"] == "stream-image"


@pytest.mark.parametrize("kind, document", [
    ("inventory", {"cpus": None, "disks": None, "pciDevices": [{"address": f"0000:00:{n:02x}.0"} for n in range(400)]}),
    ("inventory", {"unknown": {"member": [1, 2.5, None]}}),
    ("firmware", {"bios": {"component": "BIOS", "version": "1"}, "bmc": {"component": "BMC"}, "collectedAt": "x"}),
    ("health", [{"name": "minimum-memory", "status": "fail", "severity": "critical"}]),
    ("metrics", {"stepRetries": 3}),
    ("telemetry", {"steps": []}),
])
def test_documents(agent, statusd, kind, document):
    """S-35 to S-38, S-40."""
    assert agent.post_json(f"/{kind}", document).status in OK
    assert statusd.seed("report", agent.name, kind) == document


def test_event(agent, statusd):
    assert agent.post_json("/events", {"event": "started"}).status in OK
    assert statusd.seed("report", agent.name, "event") == {"event": "started"}


@pytest.mark.parametrize("body, type, status", [
    ("{", "application/json", 400),
    ("", "application/json", 400),
    ('{"a": 1, "a": 2}', "application/json", 400),
    ("[" * 3000 + "]" * 3000, "application/json", 400),
    ('{"a": "\xff"}'.encode("latin-1"), "application/json", 400),
    ("{}", "text/html", 415),
    ("x" * (4 * 1024 * 1024 + 1), "application/json", 413),
])
def test_bad_documents(agent, body, type, status):
    """S-39: refused with a reason, nothing is written."""
    before = agent.timeline()
    reply = agent.post("/inventory", body, type=type)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json" and reply.json()["detail"]
    assert agent.timeline() == before


def test_token_is_needed(statusd, agent):
    """S-21, S-43: no lockout, no redirect."""
    before = agent.timeline()
    for _ in range(20):
        for token in (None, "wrong", "x" * 500, agent.phone_home_token):
            reply = statusd.call("POST", "/status/init", "provisioning started", token=token)
            assert reply.status == 401 and reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert agent.timeline() == before and agent.state() == "booting"
    assert agent.post("/status/init", "provisioning started").status in OK


def test_token_in_the_query(statusd, agent):
    assert statusd.call("POST", f"/status/init?t={agent.token}", "provisioning started").status in OK
    assert agent.state() == "running"


def test_token_of_another_machine(statusd, agent):
    """S-22: the token says which machine it is, nothing else does."""
    other = Agent(statusd)
    agent.post("/status/init", "provisioning started", headers={"X-Machine": other.name})
    assert other.state() == "booting" and agent.state() == "running"


def test_token_from_another_address(agent):
    agent.post("/status/init", "provisioning started")
    reply = agent.post("/status/success", "provisioning complete", source="127.0.0.2")
    assert reply.status == 403 and agent.state() == "running"
    assert agent.timeline("alarm")
    for path in ("/log", "/status/heartbeat", "/debug"):
        assert agent.post(path, "[INFO] x", source="127.0.0.2").status == 403
    assert not [line for line in agent.logs() if line["text"] == "[INFO] x"]
    assert agent.post("/status/success", "provisioning complete").status in OK


def test_ended_token(statusd, agent):
    """A new boot ends the old token: 409, nothing changes, the timeline knows."""
    old = agent.token
    agent.post("/status/init", "provisioning started")
    agent.boot()
    assert agent.state() == "running"
    for path in ("/status/init", "/status/success", "/status/error", "/status/heartbeat", "/log", "/debug"):
        reply = agent.post(path, "[INFO] provisioning step step=stream-image", token=old)
        assert reply.status == 409 and reply.headers["Content-Type"] == "application/problem+json"
    assert agent.post_json("/inventory", {}, token=old).status == 409
    assert statusd.call("GET", "/commands", token=old).status == 409
    shown = agent.shown()
    assert shown["state"] == "running" and shown["step"] == "" and not shown["reason"]
    late = [event for event in agent.timeline() if "over" in event["text"] or "ended" in event["text"]]
    assert 1 <= len(late) <= 4
    assert agent.post("/status/init", "provisioning started").status in OK


def test_cancel_waits_for_the_stop(statusd, agent):
    agent.post("/status/init", "provisioning started")
    statusd.seed("cancel", agent.deployment)
    assert agent.shown()["cancel_requested"] and agent.state() == "running"
    assert agent.post("/log", "[INFO] still here").status == 409
    assert agent.state() == "running"
    stopped = "step detect-disk failed: stopped"
    assert agent.post("/status/error", stopped, source="127.0.0.9").status == 409
    assert agent.state() == "running", "only the agent itself can say that it stopped"
    assert agent.post("/status/error", stopped).status == 409
    assert agent.state() == "cancelled"


def test_tls(agent):
    """S-49: by an address that the certificate names."""
    assert agent.post("/status/init", "provisioning started", tls=True).status in OK
    assert agent.state() == "running"


def test_no_token_over_plain_http_from_elsewhere(statusd):
    """And the probe is answered all the same."""
    address = outside_address()
    if not address:
        pytest.skip("this host has no address but loopback")
    agent = Agent(statusd, address=address)
    where = {"source": address, "host": address}
    reply = agent.post("/status/init", "provisioning started", **where)
    assert reply.status == 403 and "https" in reply.json()["detail"]
    assert statusd.call("POST", f"/status/init?t={agent.token}", "x", **where).status == 403
    assert agent.phone_home(**where).status == 403
    assert statusd.call("HEAD", "/status/init", **where).status in OK
    assert statusd.call("GET", "/metrics", **where).status == 401
    assert agent.state() == "booting"


def test_methods_and_paths(statusd, agent):
    reply = statusd.call("GET", "/status/init")
    assert reply.status == 405 and "POST" in reply.headers["Allow"]
    assert statusd.call("POST", "/status/nothing", "x", token=agent.token).status == 404
    assert statusd.call("POST", "/status/../status/init", "x", token=agent.token).status == 400
    assert statusd.call("DELETE", "/log", token=agent.token).status == 405


def test_numbers(statusd, agent):
    agent.post("/status/init", "provisioning started")
    text = statusd.call("GET", "/metrics").body.decode()
    assert 'bootyard_statusd_reports_total{kind="init"}' in text
    wait_for(lambda: 'bootyard_statusd_deployments{state="running"} 0' not in statusd.call("GET", "/metrics").body.decode(),
             "a running deployment is counted")
    assert agent.token not in text
