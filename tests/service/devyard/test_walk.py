# SPDX-License-Identifier: Apache-2.0
"""The whole way, by a client that knows the HTTP contract and nothing else: a controller, a firmware that follows its script, an
agent that follows its vars, an installed system. Any daemon may be killed between two steps; a stranger may ask for everything."""

import http.client
import itertools
import os
import pathlib
import ssl
import sys
import threading
import urllib.parse
import uuid

import pytest
import yardlib

sys.path.append(str(pathlib.Path(__file__).parent.parent / "imaged"))
from fake_registry import Registry, digest_of  # noqa: E402  (the line above finds it)

DAEMONS = ("statusd", "apid", "bootd", "imaged", "redfishd")
STRANGER = "127.0.0.2"


def new_image():
    """Begins as zstd does, and is in nobody's cache."""
    return b"\x28\xb5\x2f\xfd" + os.urandom(500_000)


@pytest.fixture(scope="module")
def own_yard(tmp_path_factory):
    """Not the one that all tests share: its daemons die here."""
    with yardlib.Yard(tmp_path_factory.mktemp("walk")) as yard:
        yield yard


@pytest.fixture
def registry():
    registry = Registry()
    yield registry
    registry.close()


def read_cpio(archive):
    files, position = {}, 0
    while True:
        assert archive[position:position + 6] == b"070701"
        size, name_size = (int(archive[position + at:position + at + 8], 16) for at in (54, 94))
        name = archive[position + 110:position + 109 + name_size].decode()
        begin = (position + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return files
        files[name] = archive[begin:begin + size]
        position = (begin + size + 3) & ~3


def read_vars(text):
    pairs = (line.removeprefix("export ").partition("=") for line in text.decode().splitlines() if line and line[0] != "#")
    return {key: value[1:-1] if value[:1] in ("'", '"') else value for key, _, value in pairs}


def urls_of(script):
    """Kernel, initramfs and archive of a script; None if it boots no agent."""
    lines = [line.split() for line in script.splitlines()]
    kernel = [line for line in lines if line[:1] == ["kernel"]]
    initrds = [line for line in lines if line[:1] == ["initrd"]]
    if not kernel:
        return None
    assert len(kernel) == 1 and len(initrds) == 2
    assert all(f"initrd={line[line.index('--name') + 1]}" in kernel[0] for line in initrds)
    return [next(word for word in line if word.startswith("http")) for line in kernel + initrds]


class Walk:
    """One machine's way, a step a method; `between` is called after each."""

    def __init__(self, yard, registry, name, mac, between=lambda: None):
        self.yard, self.name, self.mac, self.between, self.image = yard, name, mac, between, new_image()
        registry.add_image(name, "1", self.image)
        url = f"oci://127.0.0.1:{registry.port}/{name}:1"
        assert yard.request("apid", "PUT", f"/v1/machines/{name}", {"interfaces": [{"mac": mac}]}).status == 201
        between()
        made = yard.request("apid", "POST", f"/v1/machines/{name}/deployments", {"image": {"url": url}, "hostname": "w1"})
        assert made.status == 201
        self.deployment = made.json["id"]
        between()

    def state(self):
        return self.yard.request("apid", "GET", f"/v1/deployments/{self.deployment}").json["state"]

    def events(self):
        return self.yard.request("apid", "GET", f"/v1/machines/{self.name}/timeline?limit=1000").json["events"]

    def script(self):
        reply = self.yard.request("bootd", "GET", f"/ipxe/mac/{self.mac}")
        assert reply.status == 200
        self.between()
        return urls_of(reply.text)

    def report(self, variable, body, token="TOKEN"):
        reply = yardlib.request("POST", self.vars[variable], body=body, token=self.vars[token], ca_file=self.yard.ca_file)
        assert reply.status in (200, 204), reply
        self.between()

    def boot(self):
        for url in self.urls:
            reply = yardlib.request("GET", url)
            assert reply.status == 200
        files = read_cpio(reply.body)
        assert files["etc/ssl/certs/ca-certificates.crt"].strip() == pathlib.Path(self.yard.ca_file).read_bytes().strip()
        self.vars = read_vars(files["deploy/vars"])
        self.between()

    def install(self):
        self.report("INIT_URL", "provisioning started")
        self.report("LOG_URL", "[INFO] provisioning step step=stream-image index=1 total=2")
        assert yardlib.request("GET", self.vars["IMAGE"]).body == self.image
        self.between()
        self.report("SUCCESS_URL", "provisioning complete")
        assert self.state() == "installed"

    def phone_home(self):
        self.report("PHONE_HOME_URL", {"hostname": "w1", "boot_id": str(uuid.uuid4()), "machine_id": "0" * 31 + "1"},
                    token="PHONE_HOME_TOKEN")

    def all(self):
        self.urls = self.script()
        self.boot()
        self.install()
        assert self.script() is None
        self.phone_home()
        assert self.state() == "succeeded" and self.script() is None


@pytest.mark.parametrize("victim", DAEMONS)
def test_a_daemon_is_killed_after_every_step(own_yard, registry, victim):
    walk = Walk(own_yard, registry, f"walk-{victim}", f"52:54:00:bb:00:0{DAEMONS.index(victim)}",
                between=lambda: own_yard.kill(victim))
    walk.all()
    kinds = [event["kind"] for event in walk.events()]
    for kind in ("boot.archive", "agent.contact", "agent.init", "agent.step", "agent.success", "phone-home"):
        assert kinds.count(kind) == 1, kinds
    assert len(registry.asked("GET", digest_of(walk.image))) == 1


def ask(method, url, ca_file, token):
    parts = urllib.parse.urlsplit(url)
    more = {"timeout": 30, "source_address": (STRANGER, 0)}
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, **more)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, **more)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, parts.path, body=b"x" if method in ("POST", "PUT") else None, headers=headers)
        connection.getresponse().read()
    finally:
        connection.close()


def test_a_stranger_asks_for_everything_all_the_time(own_yard, registry):
    walk = Walk(own_yard, registry, "walk-stranger", "52:54:00:bb:00:10")
    walk.urls = walk.script()
    paths = ("/status/init", "/status/success", "/status/error", "/status/heartbeat", "/log", "/inventory", "/commands", "/phone-home")
    targets = walk.urls + [own_yard.url("bootd") + f"/ipxe/mac/{walk.mac}", own_yard.url("apid") + f"/v1/deployments/{walk.deployment}"]
    targets += [own_yard.url("statusd") + path for path in paths]
    over, count = threading.Event(), itertools.count()

    def stranger():
        while not over.is_set() or next(count) < 1000:
            for method, url in itertools.product(("GET", "POST", "DELETE", "HEAD"), targets):
                next(count)
                # Even with the machine's own token, should it have been overheard.
                ask(method, url, own_yard.ca_file, getattr(walk, "vars", {}).get("TOKEN") if next(count) % 2 else None)

    thread = threading.Thread(target=stranger)
    thread.start()
    try:
        walk.boot()
        walk.install()
    finally:
        over.set()
        thread.join(120)
    walk.phone_home()
    assert walk.state() == "succeeded"
    kinds = [event["kind"] for event in walk.events()]
    assert 1 <= kinds.count("alarm") <= 5 and len(kinds) < 30
    assert kinds.count("agent.init") == kinds.count("agent.success") == 1 and "agent.error" not in kinds
    assert own_yard.request("apid", "GET", f"/v1/deployments/{walk.deployment}").json["attempts"] == 1
