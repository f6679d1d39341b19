# SPDX-License-Identifier: Apache-2.0
"""bootd alone: every script's text, the archive, the files, what is malformed, who is unknown."""

import concurrent.futures
import pathlib
import signal

import pytest
from bootd_yard import SCRIPT, WAIT, Bootd, Firmware, ask, kind_of, read_vars, unpack

UUID = "5d1cafe0-1111-2222-3333-444455556666"


def test_agent_script(bootd, firmware):
    bootd.seed("deploy", firmware.name)
    script = SCRIPT.fullmatch(firmware.ask())
    assert script["kernel"] == f"{bootd.url}/boot/amd64/vmlinuz"
    assert script["initramfs"] == f"{bootd.url}/boot/amd64/initramfs"
    assert script["archive"].startswith(f"{bootd.url}/deploy/")
    assert script["args"] == " console=ttyS0"
    assert ask(script["kernel"]).body == bootd.kernel.read_bytes()
    assert ask(script["initramfs"]).body == bootd.initramfs.read_bytes()


def test_host_header_is_not_believed(bootd, firmware):
    bootd.seed("deploy", firmware.name)
    reply = bootd.get(f"/ipxe/mac/{firmware.mac}", headers={"Host": "evil.example"})
    assert "evil" not in reply.text and SCRIPT.fullmatch(reply.text)


@pytest.mark.parametrize("form", ["{0}", "{1}", "{2}", "{3}"])
def test_forms_of_a_mac(bootd, firmware, form):
    mac = firmware.mac
    text = form.format(mac.upper(), mac.replace(":", "-"), mac.replace(":", ""), mac.replace(":", "%3A"))
    assert firmware.name in bootd.get(f"/ipxe/mac/{text}").text


def test_archive(bootd, firmware):
    bootd.seed("deploy", firmware.name)
    script = SCRIPT.fullmatch(firmware.ask())
    archive = ask(script["archive"])
    assert archive.status == 200 and archive.headers["Cache-Control"] == "no-store"
    files = unpack(archive.body)
    assert set(files) == {"deploy", "deploy/vars", "deploy/time", "etc", "etc/ssl", "etc/ssl/certs",
                          "etc/ssl/certs/ca-certificates.crt"}
    assert files["deploy/vars"][0] == 0o600
    assert files["etc/ssl/certs/ca-certificates.crt"][1] == (bootd.dir / "ca.crt").read_bytes()
    assert int(files["deploy/time"][1]) > 1_600_000_000
    variables = read_vars(archive.body)
    assert variables["MODE"] == "provision" and variables["HOSTNAME"] == "w1"
    assert variables["IMAGE"] == "http://images.example/disk.raw.zst"
    assert variables["INIT_URL"] == "https://yard.example:8444/status/init"
    assert variables["PHONE_HOME_URL"] == "https://yard.example:8444/phone-home"
    assert variables["PHONE_HOME_TOKEN"] != variables["TOKEN"]
    again = read_vars(ask(script["archive"]).body)
    assert again["TOKEN"] != variables["TOKEN"], "each fetch has a token of its own"


def test_serves_then_failure(tmp_path):
    with Bootd(tmp_path, conf="[attempts]\nserves_max = 3\n") as bootd:
        machine = Firmware(bootd, "m1", "52:54:00:00:00:01")
        bootd.seed("machine", machine.name, machine.mac)
        deployment = bootd.seed("deploy", machine.name)["id"]
        assert [kind_of(machine.ask()) for _ in range(4)] == ["agent"] * 3 + ["disk"]
        shown = bootd.seed("deployment", deployment)
        assert shown["state"] == "failed" and "no agent came" in shown["reason"] and not shown["touched"]


def test_policies_of_a_registered_machine(tmp_path):
    for policy, expected in (("local", "disk"), ("ignore", "next"), ("discover", "agent")):
        with Bootd(tmp_path / policy, policy=f"idle = {policy}\n") as bootd:
            machine = Firmware(bootd, "m1", "52:54:00:00:00:01")
            bootd.seed("machine", machine.name, machine.mac)
            assert kind_of(machine.ask()) == expected
            assert bootd.timeline("m1", "boot.script"), "the timeline says what it was told"
            if policy == "discover":
                assert machine.boot()["MODE"] == "standby"


@pytest.mark.parametrize("policy, expected", [("local", "disk"), ("ignore", "next")])
def test_unknown_machines(tmp_path, policy, expected):
    with Bootd(tmp_path, policy=f"unknown = {policy}\n") as bootd:
        for path in ("/ipxe/mac/52:54:00:00:00:99", f"/ipxe/{UUID}", "/ipxe/serial/AB%20C1"):
            reply = bootd.get(path)
            assert reply.status == 200 and kind_of(reply.text) == expected
            assert "not registered" in reply.text


def test_discovery_is_capped(tmp_path):
    with Bootd(tmp_path, policy="unknown = discover\nenrol_per_hour = 3\nenrol_max = 5\n") as bootd:
        kinds = [kind_of(bootd.get(f"/ipxe/{UUID[:-2]}{number:02x}?mac=52-54-00-00-00-{number:02x}").text) for number in range(6)]
        assert kinds == ["agent"] * 3 + ["wait"] * 3
        known = Firmware(bootd, "discovered-525400000001", "52:54:00:00:00:01")
        assert known.boot()["MODE"] == "standby", "who is enrolled goes on"
        assert bootd.timeline(known.name, "machine.enrolled")
        assert kind_of(bootd.get(f"/ipxe/{UUID[:-2]}77").text) == "next", "nobody is enrolled without a MAC"


def test_leases(tmp_path):
    leases = tmp_path / "leases"
    with Bootd(tmp_path / "d", boot=f"lease_file = {leases}\n", conf="[attempts]\nserves_max = 2\n") as bootd:
        machine = Firmware(bootd, "m1", "52:54:00:00:00:01", "127.0.0.2")
        guest = Firmware(bootd, "m1", "52:54:00:00:00:01", "127.0.0.3")
        bootd.seed("machine", machine.name, machine.mac)
        deployment = bootd.seed("deploy", machine.name)["id"]
        leases.write_text("0 52:54:00:00:00:01 127.0.0.2 * *\n0 52:54:00:00:00:07 127.0.0.3 * *\n")
        assert [kind_of(guest.ask()) for _ in range(5)] == ["wait"] * 5, "its lease is another MAC's"
        fixed = Firmware(bootd, "m1", "52:54:00:00:00:01", "127.0.0.4")
        assert kind_of(fixed.ask()) == "wait", "the machine's lease is another address"
        leases.write_text("")
        assert [kind_of(fixed.ask()) for _ in range(5)] == ["agent"] * 5, "nothing speaks against a fixed address"
        assert bootd.seed("deployment", deployment)["state"] == "pending", "but its askings do not count"
        leases.write_text("0 52:54:00:00:00:01 127.0.0.2 * *\n")
        assert machine.boot()["MODE"] == "provision"
        assert kind_of(fixed.ask()) == "wait", "the machine itself has come"
        assert bootd.seed("deployment", deployment)["state"] == "booting"


def test_guessed_urls_change_nothing(bootd, firmware):
    deployment = bootd.seed("deploy", firmware.name)["id"]
    script = SCRIPT.fullmatch(firmware.ask())
    before = bootd.seed("deployment", deployment)
    wait = None
    for number in range(500):
        wait = WAIT.fullmatch(bootd.get(f"/ipxe/mac/{firmware.mac}", source="127.0.0.9").text)
        assert wait["seconds"] == "60" and wait["url"] == f"{bootd.url}/ipxe/mac/{firmware.mac}"
        guessed = script["archive"] if number % 2 else f"{bootd.url}/deploy/{'A' * 43}/deploy.cpio"
        assert ask(guessed, source="127.0.0.9").status == (403 if number % 2 else 404)
    assert bootd.seed("deployment", deployment) == before
    alarms = bootd.timeline(firmware.name, "alarm")
    assert 1 <= len(alarms) <= 5 and "127.0.0.9" in alarms[0]["text"]
    assert ask(script["archive"]).status == 200, "the machine goes on"


def test_head_has_no_effect(bootd, firmware):
    bootd.seed("deploy", firmware.name)
    before = bootd.timeline(firmware.name)
    assert bootd.get(f"/ipxe/mac/{firmware.mac}", method="HEAD").status == 200
    assert bootd.timeline(firmware.name) == before
    script = SCRIPT.fullmatch(firmware.ask())
    before = bootd.timeline(firmware.name)
    assert ask(script["archive"], method="HEAD").status == 200
    assert bootd.timeline(firmware.name) == before


@pytest.mark.parametrize("path", ["/ipxe/mac/zz", "/ipxe/mac/52:54:00:00:00", "/ipxe/mac/52:54-00:00:00:01", "/ipxe/not-a-uuid",
                                  "/ipxe/serial/" + "x" * 200, "/ipxe/serial/a%0ab", "/ipxe/mac/%00", "/ipxe/mac/52%0a"])
def test_malformed_names(bootd, path):
    assert bootd.get(path).status in (400, 404)


def test_other_requests(bootd):
    reply = bootd.get("/ipxe/mac/52:54:00:00:00:01", method="POST")
    assert reply.status == 405 and "GET" in reply.headers["Allow"]
    assert bootd.get("/").status == 404
    assert bootd.get("/boot/riscv64/vmlinuz").status == 404
    assert bootd.get("/boot/amd64/loader.efi").status == 404
    assert bootd.get("/metrics").status == 200
    assert bootd.get("/boot/..%2f..%2fetc/vmlinuz").status in (400, 404)


def test_first_script(bootd):
    text = bootd.get("/ipxe/").text
    assert text.startswith("#!ipxe\n") and f"chain --autofree {bootd.url}/ipxe/${{uuid}}?mac=${{netX/mac:hexhyp}} " in text


@pytest.mark.parametrize("remainder", range(4))
def test_initramfs_is_padded_to_four_bytes(bootd, remainder):
    content = b"x" * (8000 + remainder)
    replacement = bootd.dir / "initramfs.new"
    replacement.write_bytes(content)
    replacement.rename(bootd.initramfs)
    for _ in range(2):
        body = bootd.get("/boot/amd64/initramfs").body
        assert len(body) % 4 == 0 and body.rstrip(b"\0") == content
    head = bootd.get("/boot/amd64/initramfs", method="HEAD")
    assert head.status == 200 and int(head.headers["Content-Length"]) == len(body) and head.body == b""


def copies_in_memory(process):
    """Inodes of the files without a folder that a process has open."""
    found = set()
    for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            if "memfd:initramfs" in str(link.readlink()):
                found.add(link.stat().st_ino)
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def test_many_at_once_share_one_padded_copy(tmp_path):
    size = 32 * 1024 * 1024 + 1
    with Bootd(tmp_path) as bootd, concurrent.futures.ThreadPoolExecutor(16) as pool:
        with open(bootd.initramfs, "wb") as file:
            file.truncate(size)
        replies = [pool.submit(bootd.get, "/boot/amd64/initramfs") for _ in range(16)]
        seen = set()
        while not all(reply.done() for reply in replies):
            seen |= copies_in_memory(bootd.process)
        assert {len(reply.result().body) for reply in replies} == {size + 3}
        assert len(seen) == 1


def test_missing_files_are_said_in_a_script(bootd, firmware):
    bootd.seed("deploy", firmware.name)
    before = bootd.timeline(firmware.name)
    bootd.kernel.rename(bootd.dir / "away")
    try:
        wait = WAIT.fullmatch(firmware.ask())
        assert "missing" in wait["text"] and wait["seconds"] == "10"
    finally:
        (bootd.dir / "away").rename(bootd.kernel)
    assert bootd.timeline(firmware.name) == before, "nothing was served, so nothing counts"
    assert SCRIPT.fullmatch(firmware.ask())


def test_killed_between_requests(bootd, firmware):
    deployment = bootd.seed("deploy", firmware.name)["id"]
    script = SCRIPT.fullmatch(firmware.ask())
    bootd.kill()
    bootd.start()
    assert bootd.seed("deployment", deployment)["state"] == "booting"
    first = ask(script["archive"])
    assert first.status == 200, "the attempt of before is still open"
    bootd.kill()
    bootd.start()
    assert SCRIPT.fullmatch(firmware.ask())["archive"] == script["archive"]
    assert ask(script["archive"]).status == 200
    assert bootd.seed("deployment", deployment)["attempts"] == 1


def test_reload(tmp_path):
    with Bootd(tmp_path) as bootd:
        machine = Firmware(bootd, "m1", "52:54:00:00:00:01")
        bootd.seed("machine", machine.name, machine.mac)
        assert kind_of(machine.ask()) == "disk"
        good = bootd.conf.read_text()
        bootd.conf.write_text(good.replace("[policy]\n", "[policy]\nidle = nonsense\n"))
        bootd.process.send_signal(signal.SIGHUP)
        assert kind_of(machine.ask()) == "disk", "a bad file changes nothing"
        bootd.conf.write_text(good.replace("[policy]\n", "[policy]\nidle = ignore\n"))
        bootd.process.send_signal(signal.SIGHUP)
        from yardlib import wait_for
        wait_for(lambda: kind_of(machine.ask()) == "next", what="the new policy")


def test_sample_configuration():
    import subprocess
    import yardlib
    sample = pathlib.Path(yardlib.SOURCE) / "etc" / "bootd.conf"
    subprocess.run([yardlib.build_tree() / "daemons/bootd/bootd", "--config", sample, "--check-config"], check=True, timeout=30)
