# SPDX-License-Identifier: Apache-2.0
"""yardctl: the yard from the command line."""

import json
import os
import ssl
import stat
import subprocess
import threading

from apid_harness import DIGEST, YARDCTL


def test_a_machine_s_way(api, imaged, tmp_path):
    done = api.yardctl("machine", "put", "ctl", "--mac", "52:54:00:cc:00:01", "--arch", "amd64", "--label", "rack=r1",
                       "--power", '{"driver": "command", "name": "vm"}')
    assert done.returncode == 0, done.stderr
    shown = json.loads(api.yardctl("machine", "get", "ctl").stdout)
    assert shown["interfaces"] == [{"mac": "52:54:00:cc:00:01"}] and shown["labels"] == {"rack": "r1"}
    (tmp_path / "edited").write_text(api.yardctl("machine", "get", "ctl").stdout.replace("r1", "r2"))
    assert api.yardctl("machine", "put", "ctl", "--file", tmp_path / "edited").returncode == 0
    assert json.loads(api.yardctl("machine", "get", "ctl").stdout)["labels"] == {"rack": "r2"}
    assert "ctl" in api.yardctl("machine", "list").stdout
    assert [one["name"] for one in json.loads(api.yardctl("--json", "machine", "list").stdout)].count("ctl") == 1
    made = api.yardctl("deployment", "create", "ctl", "--image", "oci://h/a:b", "--hostname", "w1", "--var", "REGION=n=1")
    assert made.returncode == 0, made.stderr
    identifier = made.stdout.strip()
    shown = json.loads(api.yardctl("deployment", "get", identifier).stdout)
    assert shown["hostname"] == "w1" and shown["vars"] == {"REGION": "n=1"} and shown["image"]["digest"] == DIGEST
    assert identifier in api.yardctl("deployment", "list", "ctl").stdout
    busy = api.yardctl("deployment", "create", "ctl", "--image", "oci://h/a:b")
    assert busy.returncode == 1 and identifier in busy.stderr
    assert api.yardctl("deployment", "wait", identifier, "--timeout", "1").returncode == 4
    assert api.yardctl("deployment", "cancel", identifier).returncode == 0
    ended = api.yardctl("deployment", "wait", identifier)
    assert ended.returncode == 3 and ended.stdout.strip() == "cancelled"
    lines = api.yardctl("timeline", "ctl").stdout.splitlines()
    assert len(lines) >= 3 and "machine.registered" in lines[0]
    assert api.yardctl("machine", "rm", "ctl").returncode == 0
    assert api.yardctl("machine", "get", "ctl").returncode == 1


def test_follow_until_over(api, machine, imaged):
    identifier = api.yardctl("deployment", "create", machine, "--image", "oci://h/a:b").stdout.strip()
    results = []
    thread = threading.Thread(target=lambda: results.append(
        api.yardctl("timeline", machine, "--follow", "--until-over", identifier)))
    thread.start()
    # apid goes away and comes back while yardctl watches.
    api.kill()
    api.start()
    assert api.yardctl("deployment", "cancel", identifier).returncode == 0
    thread.join(60)
    assert results[0].returncode == 3
    lines = results[0].stdout.splitlines()
    assert lines[-1].startswith(f"deployment {identifier}: cancelled")
    seqs = [line for line in lines if "machine.registered" in line]
    assert len(seqs) == 1, "no event twice"


def test_progress_is_told_in_numbers(api, machine, imaged):
    import sqlite3
    machine_id = api.rows("SELECT id FROM machines WHERE name = ?", machine)[0][0]
    with sqlite3.connect(api.state / "yard.db", timeout=10) as db:
        db.execute("INSERT INTO timeline (time_ms, machine_id, source, kind, text, data) VALUES (1, ?, 'agent', 'agent.progress', 'x', ?)",
                   (machine_id, json.dumps({"stage": "image", "bytes": 50 << 20, "total": 200 << 20, "rate": 10 << 20})))
    line = api.yardctl("timeline", machine).stdout.splitlines()[-1]
    assert line.endswith("image 50.0 MiB of 200.0 MiB  25 %  10.0 MiB/s")


def test_tokens(api):
    made = api.yardctl("token", "create", "ctl-token", "--role", "read", "--days", "1")
    assert made.returncode == 0, made.stderr
    assert api.yardctl("machine", "list", token=made.stdout.strip()).returncode == 0
    assert "ctl-token" in api.yardctl("token", "list").stdout
    assert api.yardctl("token", "revoke", "ctl-token").returncode == 0
    refused = api.yardctl("machine", "list", token=made.stdout.strip())
    assert refused.returncode == 1 and "(4" in refused.stderr


def test_token_file(api, tmp_path):
    (tmp_path / "token").write_text(api.admin + "\n")
    done = subprocess.run([YARDCTL, "--url", f"https://localhost:{api.port}/", "--token-file", tmp_path / "token", "--ca",
                           api.state / "tls/ca.crt", "machine", "list"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_a_token_stays_at_home(api):
    environment = {**os.environ, "YARD_URL": "http://192.0.2.1:8090", "YARD_TOKEN": "secret"}
    done = subprocess.run([YARDCTL, "machine", "list"], capture_output=True, text=True, timeout=30, env=environment)
    assert done.returncode == 1 and "plain http" in done.stderr


def test_usage():
    for words in ([], ["machine"], ["machine", "put"], ["deployment", "create", "x"], ["token", "create", "x"], ["--nonsense"],
                  ["timeline"], ["ca", "init"]):
        done = subprocess.run([YARDCTL, *words], capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and "usage" in done.stderr, words
    assert subprocess.run([YARDCTL, "--help"], capture_output=True, timeout=30).returncode == 0


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ca(api, tmp_path):
    tls = tmp_path / "tls"
    api.yardctl_plain("ca", "init", "--dir", tmp_path, "--san", "yard.example", "--san", "192.0.2.7", "--san", "2001:db8::7")
    assert stat.S_IMODE((tls / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tls / "server.key").stat().st_mode) == 0o640
    assert sorted(path.name for path in tls.iterdir()) == ["ca.crt", "ca.key", "server.crt", "server.key"]
    openssl("verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "yard.example", "-CAfile", tls / "ca.crt",
            tls / "server.crt")
    openssl("verify", "-x509_strict", "-verify_ip", "2001:db8::7", "-CAfile", tls / "ca.crt", tls / "server.crt")
    text = openssl("x509", "-in", tls / "server.crt", "-noout", "-ext", "subjectAltName,extendedKeyUsage,basicConstraints")
    assert "DNS:yard.example" in text and "IP Address:192.0.2.7" in text and "TLS Web Server" in text
    assert "P-256" in openssl("x509", "-in", tls / "ca.crt", "-noout", "-text")
    shown = json.loads(api.yardctl_plain("--json", "ca", "show", "--dir", tmp_path))
    assert 7200 < shown["ca"]["days_left"] < 7400 and 360 < shown["server"]["days_left"] <= 365
    assert shown["server"]["names"] == ["yard.example", "192.0.2.7", "2001:db8::7"]
    from datetime import datetime, timedelta, timezone
    begin = datetime.fromisoformat(shown["server"]["not_before"].replace("Z", "+00:00"))
    assert begin < datetime.now(timezone.utc) - timedelta(days=1)


def test_ca_is_not_made_twice_and_renewed_by_the_same(api, tmp_path):
    tls = tmp_path / "tls"
    api.yardctl_plain("ca", "init", "--dir", tmp_path, "--san", "yard.example")
    first = {path.name: path.read_bytes() for path in tls.iterdir()}
    again = subprocess.run([YARDCTL, "ca", "init", "--dir", tmp_path, "--san", "x"], capture_output=True, timeout=30)
    assert again.returncode == 1 and {path.name: path.read_bytes() for path in tls.iterdir()} == first
    api.yardctl_plain("ca", "renew", "--dir", tmp_path, "--within", "30")
    assert (tls / "server.crt").read_bytes() == first["server.crt"], "a year is more than 30 days"
    api.yardctl_plain("ca", "renew", "--dir", tmp_path)
    second = {path.name: path.read_bytes() for path in tls.iterdir()}
    assert [name for name in first if first[name] != second[name]] == ["server.crt"]
    openssl("verify", "-verify_hostname", "yard.example", "-CAfile", tls / "ca.crt", tls / "server.crt")
    api.yardctl_plain("ca", "renew", "--dir", tmp_path, "--san", "other.example")
    openssl("verify", "-verify_hostname", "other.example", "-CAfile", tls / "ca.crt", tls / "server.crt")


def test_ca_init_goes_on_after_a_crash(api, tmp_path):
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls/ca.key").write_text("half a key")
    api.yardctl_plain("ca", "init", "--dir", tmp_path, "--san", "yard.example")
    openssl("verify", "-CAfile", tmp_path / "tls/ca.crt", tmp_path / "tls/server.crt")
    context = ssl.create_default_context(cafile=str(tmp_path / "tls/ca.crt"))
    assert context is not None


def test_bad_names_make_no_ca(api, tmp_path):
    for name in ("a b", "-a", "a..b", "", "x" * 300):
        done = subprocess.run([YARDCTL, "ca", "init", "--dir", tmp_path, "--san", name], capture_output=True, timeout=30)
        assert done.returncode == 1
    assert list((tmp_path / "tls").iterdir()) == []
