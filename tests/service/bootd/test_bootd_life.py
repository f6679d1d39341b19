# SPDX-License-Identifier: Apache-2.0
"""The table of states and answers, by an agent that follows script, archive and variables through the real daemons."""

import itertools

import pytest
import yardlib
from bootd_yard import SCRIPT, WAIT, ask, kind_of, read_vars

NUMBERS = itertools.count(1)
DIGEST = "sha256:" + "1" * 64


class Machine:
    """Registered at apid, boots at bootd, reports to statusd."""

    def __init__(self, yard, labels=None):
        number = next(NUMBERS)
        self.yard = yard
        self.name, self.mac = f"boot-{number}", f"52:54:00:bb:{number >> 8:02x}:{number & 255:02x}"
        self.uuid = f"b00710fe-0000-4000-8000-{number:012x}"
        body = {"uuid": self.uuid, "arch": "amd64", "interfaces": [{"mac": self.mac}], "labels": labels or {}}
        assert yard.request("apid", "PUT", f"/v1/machines/{self.name}", body).status == 201
        self.deployment, self.vars = None, {}

    def deploy(self, **more):
        body = {"mode": "provision", "image": {"url": "http://images.example/disk.raw.zst", "digest": DIGEST}, "hostname": "w1"}
        body.update(more)
        reply = self.yard.request("apid", "POST", f"/v1/machines/{self.name}/deployments", body)
        assert reply.status == 201, reply
        self.deployment = reply.json["id"]
        return reply

    @property
    def state(self):
        return self.shown["state"]

    @property
    def shown(self):
        return self.yard.request("apid", "GET", f"/v1/deployments/{self.deployment}").json

    def timeline(self, kind=None):
        events = self.yard.request("apid", "GET", f"/v1/machines/{self.name}/timeline?limit=1000").json["events"]
        return [event for event in events if kind in (None, event["kind"])]

    def ask(self, source="127.0.0.1"):
        reply = ask(f"{self.yard.url('bootd')}/ipxe/mac/{self.mac}", source=source)
        assert reply.status == 200
        return reply.text

    def boot(self):
        script = SCRIPT.fullmatch(self.ask())
        assert script, "the agent is served"
        archive = ask(script["archive"])
        assert archive.status == 200, archive
        self.vars = read_vars(archive.body)

    def report(self, variable, text, token=None):
        return yardlib.request("POST", self.vars[variable], text, {"Content-Type": "text/plain"},
                               token or self.vars["TOKEN"], self.yard.ca_file)

    def reach(self, state):
        if state == "pending":
            return
        self.boot()
        if state == "booting":
            return
        assert self.report("INIT_URL", "provisioning started").status in (200, 204)
        if state == "failing":
            self.report("ERROR_URL", "step detect-disk failed: there is none")
        elif state in ("installed", "succeeded"):
            self.report("SUCCESS_URL", "provisioning complete")
        if state == "succeeded":
            assert self.phone_home().status in (200, 204)

    def phone_home(self):
        return yardlib.request("POST", self.vars["PHONE_HOME_URL"], {"hostname": "w1", "boot_id": "os", "machine_id": "m"},
                               token=self.vars["PHONE_HOME_TOKEN"], ca_file=self.yard.ca_file)

    def cancel(self):
        return self.yard.request("apid", "DELETE", f"/v1/deployments/{self.deployment}")


@pytest.fixture
def machine(yard):
    return Machine(yard)


@pytest.mark.parametrize("state, answer", [("pending", "agent"), ("booting", "agent"), ("running", "agent"), ("failing", "agent"),
                                           ("installed", "disk"), ("succeeded", "disk")])
def test_answers(machine, state, answer):
    machine.deploy()
    machine.reach(state)
    assert machine.state == state
    assert kind_of(machine.ask()) == answer
    assert kind_of(ask(f"{machine.yard.url('bootd')}/ipxe/{machine.uuid}").text) == answer


@pytest.mark.parametrize("policy, answer", [("discover", "agent"), ("ignore", "next"), ("local", "disk"), ("nonsense", "disk")])
def test_policy_of_one_machine(yard, policy, answer):
    assert kind_of(Machine(yard, {"boot-policy": policy}).ask()) == answer


def test_kernel_arguments_of_one_machine(yard):
    machine = Machine(yard, {"kernel-args": "x=1 y=2"})
    machine.deploy()
    assert SCRIPT.fullmatch(machine.ask())["args"].endswith(" x=1 y=2")
    evil = Machine(yard, {"kernel-args": "x ${uuid} || shell"})
    evil.deploy()
    text = evil.ask()
    assert text.startswith("#!ipxe\n") and "could not be made" in text and "shell" not in text


def test_no_deployment(machine):
    assert kind_of(machine.ask()) == "disk"


def test_cancelled_before_the_first_write(machine):
    machine.deploy()
    machine.reach("booting")
    assert machine.cancel().status in (200, 202)
    assert machine.state == "cancelled" and kind_of(machine.ask()) == "disk"


def test_cancelled_after_it(machine):
    machine.deploy()
    machine.reach("running")
    machine.report("LOG_URL", "[INFO] provisioning step step=wipe-disks index=15 total=36")
    yardlib.wait_for(lambda: machine.shown["touched"], what="the touched disk")
    machine.cancel()
    assert machine.state != "cancelled", "a live agent is waited for"
    assert machine.report("LOG_URL", "[INFO] still here").status == 409
    assert kind_of(machine.ask("127.0.0.8")) == "wait"
    wait = WAIT.fullmatch(machine.ask())
    assert machine.state == "cancelled" and "cancelled" in wait["text"] and wait["seconds"] == "60"


def test_restart_fences_the_former_agent(machine):
    machine.deploy()
    machine.reach("running")
    former = machine.vars["TOKEN"]
    machine.boot()
    assert machine.report("SUCCESS_URL", "provisioning complete", former).status == 409
    assert machine.state == "running"
    assert machine.report("SUCCESS_URL", "provisioning complete").status in (200, 204)
    assert machine.state == "installed"
    assert machine.timeline("agent.ended")


def test_guessing_while_the_agent_is_alive(machine):
    machine.deploy()
    machine.reach("running")
    before = machine.shown
    for _ in range(200):
        assert kind_of(machine.ask("127.0.0.7")) == "wait"
        assert kind_of(ask(f"{machine.yard.url('bootd')}/ipxe/{machine.uuid}", source="127.0.0.7").text) == "wait"
    after = machine.shown
    assert (after["state"], after["attempts"]) == (before["state"], before["attempts"])
    assert any("127.0.0.7" in alarm["text"] for alarm in machine.timeline("alarm"))
    assert machine.report("SUCCESS_URL", "provisioning complete").status in (200, 204)


def test_the_whole_way_with_daemons_killed(yard, machine):
    machine.deploy()
    machine.ask()
    yard.kill("bootd")
    machine.boot()
    yard.kill("bootd")
    assert machine.report("INIT_URL", "provisioning started").status in (200, 204)
    yard.kill("statusd")
    assert machine.report("SUCCESS_URL", "provisioning complete").status in (200, 204)
    assert machine.phone_home().status in (200, 204)
    assert machine.state == "succeeded" and kind_of(machine.ask()) == "disk"
    kinds = [event["kind"] for event in machine.timeline()]
    order = ["deployment.created", "boot.script", "boot.archive", "agent.init", "agent.success", "phone-home"]
    assert [kind for kind in kinds if kind in order][:1] == order[:1]
    assert sorted(order, key=kinds.index) == order
