# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the service tests. They run daemons of the sanitizer build; a report of a sanitizer fails the test."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import yardlib  # noqa: E402  (the line above finds it)


@pytest.fixture(scope="session")
def running_yard(tmp_path_factory):
    """All five daemons, once for the whole run."""
    with yardlib.Yard(tmp_path_factory.mktemp("yard")) as yard:
        yield yard


@pytest.fixture
def yard(running_yard):
    """The yard; tests share it, so each takes machine names of its own."""
    yield running_yard
    reports = running_yard.new_sanitizer_reports()
    if reports:
        pytest.fail(reports)


def pytest_make_parametrize_id(val, argname):
    """Short names: pytest puts a test's name into the environment, where a mebibyte does not fit."""
    return f"{argname}-{len(val)}" if isinstance(val, (str, bytes)) and len(val) > 80 else None
