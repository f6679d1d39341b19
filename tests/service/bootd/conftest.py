# SPDX-License-Identifier: Apache-2.0
import itertools

import pytest

from bootd_yard import Bootd, Firmware

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def bootd(tmp_path_factory):
    with Bootd(tmp_path_factory.mktemp("bootd")) as daemon:
        yield daemon


@pytest.fixture
def firmware(bootd):
    """A registered machine without a deployment."""
    number = next(NUMBERS)
    machine = Firmware(bootd, f"m{number}", f"52:54:00:aa:{number >> 8:02x}:{number & 255:02x}")
    bootd.seed("machine", machine.name, machine.mac)
    return machine
