# SPDX-License-Identifier: Apache-2.0
"""Standby commands, the phone-home, and what survives."""

import fcntl
import json
import signal
import threading
import time

from statusd_yard import SECONDS, Agent, Statusd, wait_for

OK = (200, 204)


def commands(agent, path="/commands"):
    reply = agent.statusd.call("GET", path, token=agent.token)
    assert reply.status in OK
    return json.loads(reply.body) if reply.status == 200 else []


def test_nothing_queued(standby):
    """S-25."""
    standby.post("/status/init", "standby")
    assert standby.statusd.call("GET", "/commands", token=standby.token).status == 204


def test_health_check(standby):
    """S-26 to S-28, S-30."""
    standby.statusd.seed("command", standby.name, "health-check")
    first = commands(standby)
    assert [command["Type"] for command in first] == ["health-check"] and first[0]["Payload"] is None
    assert commands(standby) == first
    ack = {"id": first[0]["ID"], "status": "completed", "message": "healthy"}
    assert standby.post_json("/commands/ack", ack).status in OK
    assert commands(standby) == []
    assert standby.post_json("/commands/ack", ack).status in OK
    assert standby.post_json("/commands/ack", {"id": "nobody", "status": "completed"}).status == 404
    assert standby.post_json("/commands/ack", {"id": first[0]["ID"], "status": "maybe"}).status == 400
    assert standby.post_json("/commands/ack", {"id": 7, "status": "completed"}).status == 400
    assert standby.post_json("/commands/ack", [1]).status == 400


def test_failed_ack(standby):
    """S-29."""
    standby.statusd.seed("command", standby.name, "health-check")
    found = commands(standby)[0]
    standby.post_json("/commands/ack", {"id": found["ID"], "status": "failed", "message": "unknown command type"})
    assert commands(standby) == []
    assert "unknown command type" in standby.timeline("command.failed")[0]["text"]


def test_one_terminal_command_last(standby):
    """S-31, S-33: and never a second time."""
    for type in ("reboot", "health-check", "provision"):
        standby.statusd.seed("command", standby.name, type)
    assert [command["Type"] for command in commands(standby)] == ["health-check", "reboot"]
    assert [command["Type"] for command in commands(standby)] == ["health-check", "provision"]
    assert [command["Type"] for command in commands(standby)] == ["health-check"]


def test_queries_stay(standby):
    """S-34."""
    standby.statusd.seed("command", standby.name, "health-check")
    found = commands(standby, "/commands?m=42")[0]
    assert standby.post_json("/commands/ack?m=42", {"id": found["ID"], "status": "completed"}).status in OK


def test_new_deployment_reboots_standby(standby):
    """It goes on standing by until it has fetched the reboot; its next boot is the deployment's."""
    standby.post("/status/init", "standby")
    standby.statusd.seed("deploy", standby.name)
    assert standby.post("/status/heartbeat", "heartbeat").status in OK
    assert [command["Type"] for command in commands(standby)] == ["reboot"]
    assert standby.statusd.call("GET", "/commands", token=standby.token, source="127.0.0.3").status == 403
    old, standby.standby = standby.token, False
    standby.boot()
    assert standby.post("/status/heartbeat", "heartbeat", token=old).status == 409
    assert standby.post("/status/init", "provisioning started").status in OK


def test_phone_home(statusd, agent):
    assert agent.phone_home().status == 409  # before init
    agent.post("/status/init", "provisioning started", headers={"Bootyard-Boot-Id": "b1"})
    assert agent.phone_home().status == 409  # before installed
    agent.post("/status/success", "provisioning complete")
    assert agent.phone_home(document={"boot_id": "b1"}).status == 409  # the agent itself
    assert agent.phone_home(token=agent.token).status == 401  # the agent's token
    assert agent.phone_home(token="nobody").status == 401
    assert agent.state() == "installed"
    assert agent.phone_home().status in OK
    assert agent.state() == "succeeded"
    assert agent.phone_home().status in OK  # the reply was lost
    assert agent.state() == "succeeded" and len(agent.timeline("phone-home")) == 1


def test_phone_home_documents(agent):
    for document in ({"hostname": ""}, {"hostname": "x" * 254}, {"boot_id": None}, {"machine_id": ["x"]}, {"hostname": "a b"}):
        assert agent.phone_home(document=document).status == 400
    assert agent.post("/phone-home", "{}", type="application/json", token=agent.phone_home_token).status == 400
    assert agent.post("/phone-home", "x" * 5000, type="application/json", token=agent.phone_home_token).status == 413


def test_last_seen(statusd, standby):
    """S-23: not at once, but soon, and not by a commit each."""
    standby.post("/status/init", "standby")
    before = wait_for(lambda: statusd.seed("seen", standby.name)["last_seen_ms"], "seen")
    time.sleep(0.01)
    assert standby.post("/status/heartbeat", "heartbeat").status in OK
    wait_for(lambda: statusd.seed("seen", standby.name)["last_seen_ms"] > before, "seen again")


def test_log_lines_go_with_their_machine(tmp_path):
    statusd = Statusd(tmp_path)
    agent = Agent(statusd, standby=True)
    assert agent.post("/log", "[INFO] x").status in OK
    statusd.seed("delete", agent.name)
    assert agent.post("/log", "[INFO] y").status == 401
    assert statusd.stop() == 0


def test_silence(tmp_path):
    """What is not reported counts too: installed without phone-home, failing without a new start."""
    statusd = Statusd(tmp_path, "[timeouts]\nphone_home = 1s\nfailing = 1s\nsilent = 1s\n")
    installed, failing, cancelled = Agent(statusd), Agent(statusd), Agent(statusd)
    for agent in (installed, failing, cancelled):
        agent.post("/status/init", "provisioning started")
    installed.post("/status/success", "provisioning complete")
    failing.post("/status/error", "step stream-image failed: x")
    statusd.seed("cancel", cancelled.deployment)
    wait_for(lambda: installed.state() == "failed", "no phone-home: failed")
    wait_for(lambda: failing.state() == "failed", "no new start: failed")
    wait_for(lambda: cancelled.state() == "cancelled", "silent: the cancel is complete")
    assert installed.phone_home().status == 409
    assert statusd.stop() == 0


def write_lines(statusd, agent, number, acknowledged):
    """An agent's log shipper and status, until nobody answers."""
    connection = statusd.connect()
    headers = {"Authorization": f"Bearer {agent.token}", "Content-Type": "text/plain"}
    try:
        for count in range(100000):
            text = f"[INFO] w{number} n{count}"
            connection.request("POST", "/log", text.encode(), headers)
            response = connection.getresponse()
            response.read()
            if response.status in OK:
                acknowledged.append(text)
    except OSError:
        pass
    except Exception as problem:  # http.client's own, when the connection breaks in the middle
        assert type(problem).__module__ == "http.client"


def test_killed_after_the_reply(tmp_path):
    """SIGKILL in the middle: whatever was acknowledged is there, and nobody has to repair anything."""
    statusd = Statusd(tmp_path)
    agents = [Agent(statusd) for _ in range(3)]
    for agent in agents:
        assert agent.post("/status/init", "provisioning started").status in OK
    acknowledged = [[] for _ in agents]
    threads = [threading.Thread(target=write_lines, args=(statusd, agent, number, acknowledged[number]))
               for number, agent in enumerate(agents)]
    for thread in threads:
        thread.start()
    wait_for(lambda: all(len(lines) > 50 for lines in acknowledged), "150 lines")
    assert agents[0].post("/status/success", "provisioning complete").status in OK
    assert agents[1].post("/status/error", "step x failed: y").status in OK
    statusd.kill()
    for thread in threads:
        thread.join(SECONDS)
    for number, agent in enumerate(agents):
        stored, after = set(), 0
        while True:
            page = agent.logs(after)
            stored |= {line["text"] for line in page}
            if len(page) < 1000:
                break
            after += 1000
        assert set(acknowledged[number]) <= stored
    assert agents[0].state() == "installed" and agents[1].state() == "failing" and agents[2].state() == "running"
    statusd.start()
    assert agents[2].post("/status/success", "provisioning complete").status in OK
    assert agents[0].phone_home().status in OK
    assert statusd.stop() == 0


def test_reload(statusd, agent):
    statusd.process.send_signal(signal.SIGHUP)
    assert agent.post("/status/init", "provisioning started", tls=True).status in OK
    assert statusd.process.poll() is None


def refuses(statusd):
    try:
        statusd.connect().connect()
        return False
    except ConnectionRefusedError:
        return True


def test_a_stop_waits_for_the_commit_and_its_reply(tmp_path):
    statusd = Statusd(tmp_path)
    agent = Agent(statusd)
    assert agent.post("/status/init", "provisioning started").status in OK
    connection = statusd.connect()
    with open(tmp_path / "yard.db.next", "rb") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)  # no commit from here on
        connection.request("POST", "/status/success", b"provisioning complete", {"Authorization": f"Bearer {agent.token}"})
        for _ in range(3):  # what came before these was read before them
            assert statusd.call("GET", "/healthz").status == 200
        statusd.process.send_signal(signal.SIGTERM)
        wait_for(lambda: refuses(statusd), "the closed door")
        fcntl.flock(queue, fcntl.LOCK_UN)
    assert connection.getresponse().status in OK
    assert agent.state() == "installed"
    assert statusd.process.wait(SECONDS) == 0
