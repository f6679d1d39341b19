# SPDX-License-Identifier: Apache-2.0
"""redfishd over HTTPS: the documents, who may, and power through the driver `command` with a program that stands for a machine."""

import base64
import json
import os
import signal

import pytest
import yardlib

RESET = "/redfish/v1/Systems/{}/Actions/ComputerSystem.Reset"


@pytest.fixture(scope="module")
def vm(running_yard):
    """A machine that is on while `sleep` runs; the section comes with a reload, as an operator would do it."""
    folder = running_yard.directory / "etc" / "redfishd.conf.d"
    folder.mkdir(exist_ok=True)
    (folder / "vm.conf").write_text(
        "[command rf-vm]\nstart = /bin/sleep\nstart = 1000\nstop_timeout = 5s\n"
        "[command rf-broken]\nstart = /nonexistent/program\n")
    os.kill(running_yard.pid("redfishd"), signal.SIGHUP)
    for name, power in (("rf-vm", {"driver": "command", "name": "rf-vm"}),
                        ("rf-broken", {"driver": "command", "name": "rf-broken"}),
                        ("rf-nowhere", {"driver": "command", "name": "no-such-section"}),
                        ("rf-none", None)):
        document = {"arch": "amd64", "interfaces": []}
        if power:
            document["power"] = power
        assert running_yard.request("apid", "PUT", f"/v1/machines/{name}", document).status in (200, 201)
    yardlib.wait_for(lambda: power_state(running_yard, "rf-vm") == "Off", what="the section after the reload")
    yield "rf-vm"
    reset(running_yard, "rf-vm", "ForceOff")


def reset(yard, machine, kind):
    return yard.request("redfishd", "POST", RESET.format(machine), {"ResetType": kind})


def power_state(yard, machine):
    return yard.request("redfishd", "GET", f"/redfish/v1/Systems/{machine}").json["PowerState"]


def events(yard, machine):
    listed = yard.request("apid", "GET", f"/v1/machines/{machine}/timeline").json["events"]
    return [event["kind"] for event in listed]


def vm_pid(yard):
    return int((yard.directory / "run" / "power" / "rf-vm.pid").read_text().split()[0])


def is_gone(pid):
    """Ended; whoever inherited the process may not have asked for its status yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_versions_and_root_need_no_credential(yard):
    assert yard.request("redfishd", "GET", "/redfish", token="").json == {"v1": "/redfish/v1/"}
    for path in ("/redfish/v1", "/redfish/v1/"):
        reply = yard.request("redfishd", "GET", path, token="")
        assert reply.status == 200
        assert reply.headers["OData-Version"] == "4.0"
        assert reply.json["Systems"] == {"@odata.id": "/redfish/v1/Systems"}
    odata = yard.request("redfishd", "GET", "/redfish/v1/odata", token="").json
    assert odata["@odata.context"] == "/redfish/v1/$metadata"


def test_everything_else_needs_one(yard, vm):
    for method, path in (("GET", "/redfish/v1/Systems"), ("GET", f"/redfish/v1/Systems/{vm}"), ("POST", RESET.format(vm))):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-Auth-Token": "wrong"},
                        {"Authorization": "Basic " + base64.b64encode(b"admin:wrong").decode()}):
            reply = yard.request("redfishd", method, path, token="", headers=headers)
            assert reply.status == 401, (method, path, headers)
            assert "WWW-Authenticate" in reply.headers
            assert "wrong" not in reply.text
    assert power_state(yard, vm) == "Off"


def test_basic_with_the_tokens_name(yard, vm):
    made = yard.request("apid", "POST", "/v1/tokens", {"name": "rf-reader", "role": "read"})
    assert made.status == 201
    token = made.json["token"]
    basic = {"Authorization": "Basic " + base64.b64encode(f"rf-reader:{token}".encode()).decode()}
    other = {"Authorization": "Basic " + base64.b64encode(f"somebody:{token}".encode()).decode()}
    assert yard.request("redfishd", "GET", "/redfish/v1/Systems", token="", headers=basic).status == 200
    assert yard.request("redfishd", "GET", "/redfish/v1/Systems", token="", headers=other).status == 401
    refused = yard.request("redfishd", "POST", RESET.format(vm), {"ResetType": "On"}, token=token)
    assert refused.status == 403
    assert power_state(yard, vm) == "Off"


def test_systems_are_the_machines(yard, vm):
    systems = yard.request("redfishd", "GET", "/redfish/v1/Systems").json
    members = [member["@odata.id"] for member in systems["Members"]]
    assert systems["Members@odata.count"] == len(members)
    assert f"/redfish/v1/Systems/{vm}" in members
    system = yard.request("redfishd", "GET", f"/redfish/v1/Systems/{vm}").json
    assert system["Id"] == vm
    action = system["Actions"]["#ComputerSystem.Reset"]
    assert action["target"] == RESET.format(vm)
    assert "PowerCycle" in action["ResetType@Redfish.AllowableValues"]


def test_power_on_and_off(yard, vm):
    assert reset(yard, vm, "On").status == 204
    assert power_state(yard, vm) == "On"
    first = vm_pid(yard)
    assert reset(yard, vm, "On").status == 204
    assert vm_pid(yard) == first, "on twice starts nothing twice"
    assert reset(yard, vm, "ForceRestart").status == 204
    assert vm_pid(yard) != first
    assert power_state(yard, vm) == "On"
    assert reset(yard, vm, "GracefulShutdown").status == 204
    assert power_state(yard, vm) == "Off"
    assert reset(yard, vm, "ForceOff").status == 204
    seen = events(yard, vm)
    assert "power.on" in seen and "power.off" in seen


def test_a_machine_that_ends_by_itself_is_off(yard, vm):
    assert reset(yard, vm, "On").status == 204
    os.kill(vm_pid(yard), signal.SIGKILL)
    yardlib.wait_for(lambda: power_state(yard, vm) == "Off", what="the state Off")


def test_redfishd_finds_its_machines_again_after_sigkill(yard, vm):
    assert reset(yard, vm, "On").status == 204
    before = vm_pid(yard)
    yard.kill("redfishd")
    assert power_state(yard, vm) == "On"
    assert vm_pid(yard) == before
    assert reset(yard, vm, "ForceOff").status == 204
    assert is_gone(before)


@pytest.mark.parametrize("machine", ["rf-broken", "rf-nowhere", "rf-none"])
def test_what_cannot_be_switched_says_why(yard, vm, machine):
    reply = reset(yard, machine, "On")
    assert reply.status in (400, 500)
    assert reply.json["error"]["message"]
    assert reply.json["error"]["@Message.ExtendedInfo"][0]["Message"] == reply.json["error"]["message"]
    assert "power.failed" in events(yard, machine)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"ResetType": 1}', b'{"ResetType": "Explode"}', b'{"ResetType": "On", "x": 1}',
                                  b"\xff\xfe", b'{"ResetType": "On", "ResetType": "ForceOff"}'])
def test_malformed_resets_change_nothing(yard, vm, body):
    assert reset(yard, vm, "ForceOff").status == 204
    reply = yard.request("redfishd", "POST", RESET.format(vm), body, headers={"Content-Type": "application/json"})
    assert reply.status == 400
    assert json.loads(reply.body)["error"]["message"]
    assert power_state(yard, vm) == "Off"


def test_wrong_paths_and_methods(yard, vm):
    assert yard.request("redfishd", "GET", "/redfish/v1/Systems/no-such-machine").status == 404
    assert yard.request("redfishd", "GET", "/redfish/v1/Nothing").status == 404
    wrong = yard.request("redfishd", "DELETE", "/redfish/v1/")
    assert wrong.status == 405 and "GET" in wrong.headers["Allow"]
    large = yard.request("redfishd", "POST", RESET.format(vm), b"x" * 100000, headers={"Content-Type": "application/json"})
    assert large.status == 413
