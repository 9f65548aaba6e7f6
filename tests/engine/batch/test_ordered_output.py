"""Where the results of a batch are written: in order, mended after a kill, and never over what is somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chat_tui.core.chunks import ErrorInfo, State
from chat_tui.core.errors import CommandError
from chat_tui.engine.batch.ordered_output import OrderedOutput
from chat_tui.engine.batch.prompts import BatchPrompt
from chat_tui.engine.batch.results import BatchResult, encode_line, parse


def line(index: int, response: str = "yes", state: State = "complete") -> bytes:
    error = ErrorInfo("Rejected", "No.") if state == "failed" else None
    prompt = BatchPrompt(index, index + 1, f"prompt {index}")
    return encode_line(prompt, BatchResult(index, None, prompt.text, response, "box/a", state, error=error))


def file(folder: Path) -> Path:
    return folder / "results.jsonl"


def journal(folder: Path) -> Path:
    return folder / "results.jsonl.journal"


def left_by(folder: Path, *lines: bytes, waiting: tuple[bytes, ...] = ()) -> None:
    """What a run that was killed has left."""
    file(folder).write_bytes(b"".join(lines))
    if waiting:
        journal(folder).write_bytes(b"".join(waiting))


def test_what_comes_before_its_turn_waits_in_the_journal_and_leaves_nothing(tmp_path: Path) -> None:
    ledger = OrderedOutput.to_file(file(tmp_path))
    for index in (2, 1, 4):
        ledger.put(index, line(index))
    assert file(tmp_path).read_bytes() == b""
    assert journal(tmp_path).read_bytes() == line(2) + line(1) + line(4)
    ledger.put(0, line(0))
    assert file(tmp_path).read_bytes() == line(0) + line(1) + line(2)
    ledger.put(3, line(3))
    assert journal(tmp_path).read_bytes() == b""
    ledger.close()
    assert file(tmp_path).read_bytes() == b"".join(map(line, range(5)))
    assert not journal(tmp_path).exists()


@pytest.mark.parametrize("cut", [1, 5, 9, 40, len(line(1)) - 1])
def test_a_torn_line_is_taken_away_and_written_anew(tmp_path: Path, cut: int) -> None:
    left_by(tmp_path, line(0), line(1)[:cut], waiting=(line(2), line(3)[:cut]))
    ledger = OrderedOutput.to_file(file(tmp_path))
    if cut == len(line(1)) - 1:
        # Only its end is missing.
        assert ledger.next == 3
    else:
        assert ledger.next == 1
        assert (ledger.waiting(2), ledger.waiting(3)) == (parse(line(2)), None)
        ledger.put(1, line(1))
    ledger.put(3, line(3))
    ledger.close()
    assert file(tmp_path).read_bytes() == b"".join(map(line, range(4)))
    assert not journal(tmp_path).exists()


def test_what_waited_when_the_run_was_killed_is_taken_up(tmp_path: Path) -> None:
    # Killed between the writing of 1 and its leaving the journal.
    left_by(tmp_path, line(0), line(1), waiting=(line(1), line(2), line(4)))
    ledger = OrderedOutput.to_file(file(tmp_path))
    assert ledger.next == 3
    assert [earlier.index for earlier in ledger.earlier()] == [0, 1, 2]
    assert ledger.waiting(4) == parse(line(4))
    ledger.close()
    assert journal(tmp_path).read_bytes().endswith(line(4))


def test_what_is_asked_again_takes_its_place_at_once(tmp_path: Path) -> None:
    left_by(tmp_path, line(0), line(1, "", "failed"), line(2, "", "failed"), line(3))
    ledger = OrderedOutput.to_file(file(tmp_path))
    before = file(tmp_path).read_bytes()
    ledger.put(2, line(2, "late"))
    assert file(tmp_path).read_bytes() == before
    ledger.merge()
    whole = line(0) + line(1, "", "failed") + line(2, "late") + line(3)
    assert file(tmp_path).read_bytes() == whole
    ledger.put(4, line(4))
    ledger.close()
    assert file(tmp_path).read_bytes() == whole + line(4)
    assert [path.name for path in tmp_path.iterdir()] == ["results.jsonl"]


def test_what_was_asked_again_before_a_kill_is_not_lost(tmp_path: Path) -> None:
    left_by(tmp_path, line(0, "", "failed"), line(1), waiting=(line(0, "late"), line(3)))
    ledger = OrderedOutput.to_file(file(tmp_path))
    ledger.put(2, line(2))
    ledger.close()
    assert file(tmp_path).read_bytes() == line(0, "late") + line(1) + line(2) + line(3)


@pytest.mark.parametrize(
    "foreign",
    [b"my notes", b"my notes\n", b'{"prompt": "one"}\n', line(0) + line(2), line(0) + b"\0\0\0\n" + line(1), b"\n"],
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, foreign: bytes) -> None:
    left_by(tmp_path, foreign)
    with pytest.raises(CommandError, match="nothing in this one was changed"):
        OrderedOutput.to_file(file(tmp_path))
    assert file(tmp_path).read_bytes() == foreign
    file(tmp_path).unlink()
    journal(tmp_path).write_bytes(foreign[:8])
    file(tmp_path).touch()
    if foreign.startswith(b"my"):
        with pytest.raises(CommandError):
            OrderedOutput.to_file(file(tmp_path))
        assert journal(tmp_path).read_bytes() == foreign[:8]


def test_a_journal_without_its_results_belongs_to_nobody(tmp_path: Path) -> None:
    journal(tmp_path).write_bytes(line(3))
    ledger = OrderedOutput.to_file(file(tmp_path))
    assert ledger.waiting(3) is None
    ledger.close()
    assert not journal(tmp_path).exists()


def test_two_batches_do_not_write_into_one_file(tmp_path: Path) -> None:
    ledger = OrderedOutput.to_file(file(tmp_path))
    with pytest.raises(CommandError, match="Another batch"):
        OrderedOutput.to_file(file(tmp_path))
    ledger.close()
    OrderedOutput.to_file(file(tmp_path)).close()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        OrderedOutput.to_file(tmp_path / "none" / "results.jsonl")


def test_a_device_takes_lines_and_is_not_read(tmp_path: Path) -> None:
    ledger = OrderedOutput.to_file(Path("/dev/null"))
    ledger.put(1, line(1))
    ledger.put(0, line(0))
    assert (ledger.path, ledger.next) == (None, 2)
    ledger.close()


def test_a_link_stays_one(tmp_path: Path) -> None:
    left_by(tmp_path, line(0, "", "failed"))
    (tmp_path / "link").symlink_to(file(tmp_path))
    ledger = OrderedOutput.to_file(tmp_path / "link")
    ledger.put(0, line(0))
    ledger.merge()
    ledger.close()
    assert (tmp_path / "link").is_symlink()
    assert file(tmp_path).read_bytes() == line(0)


def test_a_named_pipe_that_nobody_reads_is_told_and_one_that_is_read_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(CommandError, match="a pipe without a reader"):
        OrderedOutput.to_file(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ledger = OrderedOutput.to_file(pipe)
        ledger.put(0, b"{}\n")
        ledger.close()
        assert os.read(reader, 10) == b"{}\n"
    finally:
        os.close(reader)
