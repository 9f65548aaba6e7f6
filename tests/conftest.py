"""For all tests: the same examples in each run, so that a red run is the change's and not chance's.

`HYPOTHESIS_PROFILE=search pytest` looks for new ones. Many files run in several processes, a few in this one;
`pytest -n 0` runs all in this one.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from tests.doubles.model_server import ModelServer
from tests.support.parsed_styles import share_parsed_styles
from tests.wire.home import Home

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
for name in ("DISPLAY", "WAYLAND_DISPLAY", "TMUX", "STY", "WSL_DISTRO_NAME"):
    os.environ.pop(name, None)
# Whoever runs the tests keeps their clipboard.
os.environ["SSH_TTY"] = "/dev/null"
# A shell that starts the tests in the background has them ignore Ctrl+C, and so would each child that is sent one.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.load_profile(profile := os.environ.get("HYPOTHESIS_PROFILE", "same"))
if profile == "same":
    # Else hypothesis reads all loaded modules of ours for constants to try, which takes each process of the tests two
    # seconds, and has a test's examples depend on what others have loaded.
    providers.is_local_module_file = lambda path: False  # type: ignore[assignment,attr-defined]
# Compiling all tests, with pytest's assertions, takes longer than importing them: it is done once, and by the processes
# of the tests for one another, whatever the shell says of that.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
share_parsed_styles()


FEW_FILES = 3
"""So many are over before more processes have found their tests."""
PROCESSES_BESIDE_CORES = 1
"""Half of the time a test waits, for a process that it has started or for a limit that is to run out. With more, tests
of the screen wait for one another."""

COLLECT_AFTER = (5_000, 50, 1_000)
"""The garbage collector's thresholds: most of what a test makes is gone before it looks. The first is that of the app,
which otherwise sets its own."""
COLLECTIONS_BETWEEN = 2
"""So many collections of the middle generation come before a whole one: as many as 20 apps cause, which hold 50 MB."""

LONG_FILES = (
    "tools/test_tool_servers.py",
    "web/test_browser.py",
    "web/test_browser_files.py",
    "web/test_browser_comparison.py",
    "web/test_browser_live.py",
    "web/test_firefox.py",
    "web/test_browser_tools.py",
    "local/test_server.py",
    "web/test_description.py",
    "tools/test_http_servers.py",
    "local/test_own.py",
    "engine/answers/test_comparison_with_models.py",
    "history/test_kills.py",
    "web/test_openai_llm.py",
    "providers/test_replicas_real.py",
    "tui/prompt/test_key_order.py",
    "tui/history/test_screen.py",
    "tui/chat/test_chat.py",
    "tui/actions/test_rebinding.py",
    "tui/panels/test_panels.py",
    "tui/chat/test_provider_steps.py",
    "tui/panels/test_model_picker.py",
    "tui/chat/test_tool_consent.py",
    "architecture/test_patterns.py",
    "tui/chat/test_versions.py",
    "tui/prompt/test_paste_placeholders.py",
    "tui/compare/test_screen.py",
    "tui/compare/test_places.py",
    "tui/terminal/test_keys_terminal.py",
    "tui/prompt/test_last_words.py",
    "tui/dialogs/test_settings.py",
    "training/test_table.py",
    "history/transfer/test_other_formats.py",
)
"""Files that take longer than most, whatever the number of their tests: they are first, so that the processes end at
about the same time. Those whose children compute come before those of the screen."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes `-n auto` starts; 0: none but this one."""
    files = {argument.partition("::")[0] for argument in config.args}
    if len(files) <= FEW_FILES and all(file.endswith(".py") for file in files):
        return 0
    return (os.cpu_count() or 1) + PROCESSES_BESIDE_CORES


def pytest_configure(config: pytest.Config) -> None:
    """Import the files of the tests in another order than the other processes do: each finds compiled what they have
    compiled, where all would compile the same at the same time."""
    worker = getattr(config, "workerinput", None)
    if worker is None or any(argument.endswith(".py") or "::" in argument for argument in config.args):
        return
    root = config.rootpath
    files = sorted({file for argument in config.args for file in (root / argument).rglob("test_*.py")})
    first = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for file in (*files[first:], *files[:first]):
        # A file that cannot be imported is told by the collection.
        with suppress(pytest.skip.Exception, ImportError, SyntaxError):
            importlib.import_module(".".join(file.relative_to(root).with_suffix("").parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files come first."""
    places = {f"tests/{file}": place for place, file in enumerate(LONG_FILES)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def pytest_collection_finish() -> None:
    """What is there when the tests begin stays: the garbage collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def pytest_runtest_logfinish() -> None:
    """Collect the apps that have ended. What is left is there to stay, too: modules that the tests have loaded."""
    gc.set_threshold(*COLLECT_AFTER)
    if gc.get_count()[2] >= COLLECTIONS_BETWEEN:
        gc.collect()
        gc.freeze()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of its own for the installed program."""
    return Home(tmp_path)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    """A loopback server of models."""
    async with ModelServer() as running:
        yield running
