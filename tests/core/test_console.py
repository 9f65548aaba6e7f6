"""Everything that is printed for a person passes one writer, which lets no control character through."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes import console
from tests.support.pty_terminal import PtyTerminal
from tests.wire.home import Home

PACKAGE = Path(__file__).parents[2] / "chat_tui"
WRITERS = {"core/processes/console.py", "tui/terminal/driver.py"}
"""The second one opens the terminal for the screen, whose lines are cleaned as they are drawn."""
CHILDREN = {
    "core/answers/schema_worker.py",
    "core/attachments/pdf_worker.py",
    "core/files/project_list_worker.py",
    "local/hub/pull_worker.py",
    "providers/credentials/keyring_worker.py",
    "tools/builtin/page_worker.py",
}
"""Child processes, whose standard output is a protocol that their parent reads."""
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
EVIL = "a\x1b]0;X\x07b\x1b[31mc\x9b1md\x7fe\u202ef\u2066g\rh"


def writes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name("sys"), attr=name) if name in STREAMS:
                yield ast.unparse(node)
            case ast.ImportFrom(module="sys", names=names) if STREAMS & {one.name for one in names}:
                yield ast.unparse(node)
            case ast.Call(func=ast.Name("print")):
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(value=ast.Name("os"), attr="write"), args=[ast.Constant(1 | 2), *_]):
                yield ast.unparse(node)


def test_nobody_else_writes_to_standard_output_or_standard_error() -> None:
    found = [
        f"{name}: {what}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if (name := file.relative_to(PACKAGE).as_posix()) not in WRITERS | CHILDREN
        for what in writes(ast.parse(file.read_text("utf-8")))
    ]
    assert found == []


def test_the_walk_finds_what_it_is_for() -> None:
    source = "import sys\nfrom sys import stderr\nprint(1)\nsys.stdout.write('')\nos.write(2, b'')\nsys.stdin.read()"
    assert len(list(writes(ast.parse(source)))) == 4


def test_text_for_people_is_cleaned_and_data_is_not(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    console.write_output(EVIL + "\n")
    console.write_error(EVIL + "\n\tq")
    assert capsysbinary.readouterr() == (b"abcdefgh\n", b"abcdefgh\n\tq")
    console.write_data(EVIL)
    assert capsysbinary.readouterr().out == EVIL.encode()


def test_an_error_cleans_what_it_quotes() -> None:
    error = ChatTuiError(f"{EVIL}\nis not there.", f"{EVIL}\nTry again.")
    assert (error.title, error.hint) == ("abcdefgh is not there.", "abcdefgh\nTry again.")
    assert str(error) == f"{error.title} {error.hint}"


def test_a_stderr_that_is_closed_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        monkeypatch.setattr(sys, "stderr", stream)
        console.write_error("nobody reads this")
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(BrokenPipeError):
        console.write_output("nobody reads this")
    assert console.output_descriptor() is None


@pytest.mark.parametrize(
    "arguments",
    [
        (EVIL,),
        ("ask", "--model", EVIL, "x"),
        ("ask", "--strategy", EVIL, "x"),
        ("ask", "--temperature", EVIL, "x"),
        ("ask", "--preset", EVIL, "x"),
        ("ask", "--attach", EVIL, "x"),
        ("ask", f"--{EVIL}"),
        ("compare", "--models", EVIL, "x"),
        ("batch", EVIL),
        ("serve", "--origin", EVIL),
        ("auth", "set", EVIL),
        ("auth", "remove", EVIL),
        ("models", "add", EVIL),
        ("models", "remove", EVIL),
        ("history", "show", EVIL),
        ("history", "import", EVIL),
        ("history", EVIL),
        ("--set", EVIL, "--preset", "translate"),
    ],
)
async def test_what_was_typed_is_never_repeated_raw(home: Home, arguments: tuple[str, ...]) -> None:
    done = await home.run(*arguments)
    said = (done.out + done.err).decode()
    assert said
    assert all(letter in "\n\t" or letter.isprintable() for letter in said), said


def test_what_python_itself_reports_is_cleaned(tmp_path: Path) -> None:
    script = f"""
import logging, threading
from chat_tui.core.processes import console
evil = {EVIL!r}
def fail():
    raise ValueError("in a thread " + evil)
class Left:
    def __del__(self):
        raise ValueError("in a finaliser " + evil)
console.clean_interpreter_reports()
thread = threading.Thread(target=fail); thread.start(); thread.join()
left = Left(); del left
logging.getLogger("a.library").warning("in a log %s", evil)
raise ValueError("at the end " + evil)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert all(f"{place} abcdefgh" in said for place in ("in a thread", "in a finaliser", "in a log", "at the end"))
    assert all(letter in "\n\t" or letter.isprintable() for letter in said)


def test_the_progress_line_is_cleaned_and_taken_away(tmp_path: Path) -> None:
    script = (
        "from chat_tui.core.processes.console import StatusLine\n"
        f"line = StatusLine(); line.show({EVIL!r}); line.clear()"
    )
    with PtyTerminal([sys.executable, "-c", script], env={**os.environ, "HOME": str(tmp_path)}) as terminal:
        assert terminal.wait_exit() == 0
        assert b"abcdefgh" in terminal.raw()
        assert b"]0;X" not in terminal.raw()
