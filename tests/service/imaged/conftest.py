# SPDX-License-Identifier: Apache-2.0
"""A real imaged with a fake registry behind it."""

import pytest

from fake_registry import Registry
from imaged_process import Imaged


@pytest.fixture
def registry():
    fake = Registry()
    yield fake
    fake.close()


@pytest.fixture
def make_imaged(tmp_path):
    """imaged, not started yet: a test may change its settings."""
    imaged = Imaged(tmp_path)
    yield imaged
    if imaged.process:
        imaged.stop()


@pytest.fixture
def imaged(make_imaged):
    return make_imaged.start()
