"""Standard output that is closed, full, or read only at its beginning, whatever the command."""

from __future__ import annotations

import pytest

from tests.wire.home import Home

COMMANDS = (
    "--help",
    "--version",
    "settings",
    "auth list",
    "models list",
    "models list --json",
    "history list",
    "history check",
    "history search hello",
    "history export --all",
)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_full_disk_behind_standard_output_is_told_and_no_crash(home: Home, command: str) -> None:
    ran = await home.shell(f"chat-tui {command} >/dev/full")
    told = ran.told()
    if ran.code == 0:
        assert told in {"", "chat-tui: no results.\n"}
    else:
        assert ran.code == 1, told
        assert "standard output cannot be written: No space left on device." in told
    for word in ("crashed", "Traceback", "Exception ignored", "models.json"):
        assert word not in told


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("reader", [">&-", "| true"])
async def test_whoever_reads_no_further_is_no_fault(home: Home, command: str, reader: str) -> None:
    ran = await home.shell(f"set -o pipefail; chat-tui {command} {reader}")
    assert ran.code in {0, 1}
    assert ran.told() in {"", "chat-tui: no results.\n"}
