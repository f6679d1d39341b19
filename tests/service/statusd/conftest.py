# SPDX-License-Identifier: Apache-2.0
import pytest

from statusd_yard import Agent, Statusd


@pytest.fixture(scope="module")
def statusd(tmp_path_factory):
    """One statusd for all tests of a file; its end is a test too."""
    daemon = Statusd(tmp_path_factory.mktemp("statusd"))
    yield daemon
    assert daemon.stop() == 0, (daemon.dir / "statusd.log").read_text()


@pytest.fixture
def agent(statusd):
    return Agent(statusd)


@pytest.fixture
def standby(statusd):
    return Agent(statusd, standby=True)
