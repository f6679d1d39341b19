# SPDX-License-Identifier: Apache-2.0
"""devyard's own contract: what it prints, that it goes on where it ended, and that it shares its folder with nobody."""

import os
import signal
import subprocess

import yardlib

NAMES = ["STATUSD_URL", "APID_URL", "BOOTD_URL", "IMAGED_URL", "REDFISHD_URL", "ADMIN_TOKEN", "CA_FILE", "PID"]
DAEMONS = ("statusd", "imaged", "bootd", "apid", "redfishd")


def start(directory, *options):
    """(process, the lines before READY) of a devyard that runs."""
    process = subprocess.Popen([yardlib.SOURCE / "tools" / "devyard", *options, directory], stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, YARD_BUILD=str(yardlib.build_tree())))
    lines = []
    for line in process.stdout:
        if line == "READY\n":
            return process, lines
        lines.append(line.rstrip("\n").split("=", 1))
    raise AssertionError(f"no READY, only {lines}; status {process.wait()}")


def stop(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(yardlib.STOP_SECONDS) == 0


def lives(pid):
    try:
        return "State:\tZ" not in open(f"/proc/{pid}/status", encoding="ascii").read()
    except FileNotFoundError:
        return False


def call(values, method, path, body=None, token=None):
    return yardlib.request(method, values["APID_URL"] + path, body=body, token=token or values["ADMIN_TOKEN"],
                           ca_file=values["CA_FILE"])


def test_goes_on_in_the_same_folder(tmp_path):
    process, lines = start(tmp_path)
    assert [name for name, _ in lines] == NAMES
    values = dict(lines)
    assert int(values["PID"]) == process.pid
    assert call(values, "PUT", "/v1/machines/w1", {}).status == 201
    pids = [int((tmp_path / "run" / f"{daemon}.pid").read_text()) for daemon in DAEMONS]
    stop(process)
    assert [pid for pid in pids if lives(pid)] == []
    process, lines = start(tmp_path)
    try:
        # Names and tokens of the first start are good in the second.
        assert call(dict(lines), "GET", "/v1/machines/w1", token=values["ADMIN_TOKEN"]).status == 200
    finally:
        stop(process)


def test_second_one_in_a_folder_is_refused(tmp_path):
    process, lines = start(tmp_path)
    try:
        before = (tmp_path / "yard.env").read_text()
        second = subprocess.run([yardlib.SOURCE / "tools" / "devyard", tmp_path], capture_output=True, text=True, timeout=60,
                                env=dict(os.environ, YARD_BUILD=str(yardlib.build_tree())), check=False)
        assert second.returncode == 1 and second.stdout == "" and "another devyard" in second.stderr
        assert (tmp_path / "yard.env").read_text() == before
        assert (tmp_path / "run" / "apid.pid").exists()
        assert call(dict(lines), "GET", "/v1/machines").status == 200
    finally:
        stop(process)


def test_boot_files_of_ones_own(tmp_path):
    for length in (401, 402, 403, 404):
        (tmp_path / "kernel").write_bytes(b"k" * length)
        (tmp_path / "initramfs").write_bytes(b"i" * length)
        process, lines = start(tmp_path / "yard", "--kernel", tmp_path / "kernel", "--initramfs", tmp_path / "initramfs")
        try:
            base = dict(lines)["BOOTD_URL"] + "/boot/amd64/"
            assert yardlib.request("GET", base + "vmlinuz").body == b"k" * length
            # Padded, or the kernel would lose the archive that is loaded behind it.
            assert yardlib.request("GET", base + "initramfs").body == b"i" * length + b"\0" * (-length % 4)
        finally:
            stop(process)
