"""The draft in a person's own editor: a private file, the terminal lent to the editor, and what it has made of it."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from chat_tui.core import child_process, files
from chat_tui.core.child_process import Command
from chat_tui.errors import CommandError
from chat_tui.text_safety import clean_line

LIMIT_BYTES = 16_000_000
"""Of what comes back."""
_FOUND_BY_THEMSELVES = ("sensible-editor", "nano", "vim", "vi")
_KEPT = "Your words stay in the prompt."


def editor_of(environment: Mapping[str, str]) -> Sequence[str]:
    """The editor's command: `$VISUAL`, `$EDITOR`, else one that is there. Raises `CommandError`."""
    for name in ("VISUAL", "EDITOR"):
        said = environment.get(name, "").strip()
        if not said:
            continue
        try:
            words = shlex.split(said)
        except ValueError:
            raise CommandError(f"${name} cannot be read: a quote is open.", f"Mend it. {_KEPT}") from None
        if child_process.find_program(words[0], environment) is None:
            raise CommandError(
                f"The editor {clean_line(words[0], 60)} is not there.",
                f"Let ${name} be the name of a program on $PATH, or its full path. {_KEPT}",
            )
        return words
    for name in _FOUND_BY_THEMSELVES:
        if child_process.find_program(name, environment) is not None:
            return [name]
    raise CommandError("No editor was found.", f"Set $EDITOR, such as EDITOR=nano. {_KEPT}")


async def edited(text: str, lend: Callable[[], AbstractContextManager[None]], environment: Mapping[str, str]) -> str:
    """What the editor has made of the text; `lend` gives it the terminal meanwhile. Raises `CommandError`."""
    command = editor_of(environment)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="chat-tui-"))
    file = folder / "prompt.md"
    try:
        await asyncio.to_thread(files.write, file, text)
        with lend():
            code = await _run([*command, str(file)], environment)
        if code:
            name = clean_line(command[0], 60)
            raise CommandError(f"The editor {name} has ended with an error ({code}).", _KEPT)
        return await asyncio.to_thread(_read, file)
    except OSError as error:
        raise CommandError(f"The editor could not be used: {error.strerror}.", _KEPT) from None
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Wait for a command that has the terminal; answers stream on meanwhile."""
    # The person's own program, used by hand: it has their environment, and the folder that they work in.
    found = child_process.find_program(command[0], environment) or command[0]
    child = await child_process.start(
        Command((found, *command[1:]), dict(environment)), stdin=None, stdout=None, stderr=None
    )
    # Ctrl+C there is the editor's: as long as the terminal is lent, it comes to both.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return await child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        if child.returncode is None:
            # Its own `terminate` may take its exit code away from asyncio, which then warns on the screen.
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)


def _read(file: Path) -> str:
    with open(file, "rb") as written:
        content = written.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise CommandError("The text is larger than 16 MB.", f"Attach it as a file. {_KEPT}")
    # Editors end the last line; the prompt does not.
    return content.decode("utf-8", "replace").removesuffix("\n")
