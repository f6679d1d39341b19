# SPDX-License-Identifier: Apache-2.0
import itertools

import pytest

from apid_harness import FakeImaged, Yard

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def imaged_server():
    server = FakeImaged()
    yield server
    server.close()


@pytest.fixture(scope="module")
def api(tmp_path_factory, imaged_server):
    """One apid for all tests of a file."""
    yard = Yard(tmp_path_factory.mktemp("yard"), imaged_server.url)
    yield yard
    yard.stop()


@pytest.fixture
def imaged(imaged_server):
    """The fake imaged, in its good state."""
    imaged_server.good()
    imaged_server.asked.clear()
    imaged_server.delay = 0
    return imaged_server


@pytest.fixture
def machine(api):
    """The name of a fresh machine."""
    number = next(_numbers)
    name = f"m{number}"
    reply = api.call("PUT", f"/v1/machines/{name}", {"interfaces": [{"mac": f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"}]})
    assert reply.status == 201, reply.body
    return name
