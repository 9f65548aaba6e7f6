"""For all tests: the same examples in each run, so that a red run is the change's and not chance's.

`HYPOTHESIS_PROFILE=search pytest` looks for new ones. Many files run in several processes, a few in this one;
`pytest -n 0` runs all in this one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.doubles.model_server import ModelServer
from tests.wire.home import Home

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
for name in ("DISPLAY", "WAYLAND_DISPLAY", "TMUX", "STY", "WSL_DISTRO_NAME"):
    os.environ.pop(name, None)
# Whoever runs the tests keeps their clipboard.
os.environ["SSH_TTY"] = "/dev/null"
# A shell that starts the tests in the background has them ignore Ctrl+C, and so would each child that is sent one.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


FEW_FILES = 3
"""So many are over before more processes have found their tests."""
PROCESSES_BESIDE_CORES = 1
"""Half of the time a test waits, for a process that it has started or for a limit that is to run out. With more, tests
of the screen wait for one another."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes `-n auto` starts; 0: none but this one."""
    files = {argument.partition("::")[0] for argument in config.args}
    if len(files) <= FEW_FILES and all(file.endswith(".py") for file in files):
        return 0
    return (os.cpu_count() or 1) + PROCESSES_BESIDE_CORES


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of its own for the installed program."""
    return Home(tmp_path)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    """A loopback server of models."""
    async with ModelServer() as running:
        yield running
