"""The draft in a person's own editor: a private file, the terminal lent to the editor, and what it has made of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress

from chat_tui.core.errors import CommandError
from chat_tui.core.files.reading import TooLargeError
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import ChildCommand
from chat_tui.core.processes.editor import editor_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.prompt.editor_file import LIMIT_BYTES, DraftOrigin, EditorFile, EditorFolders

END_SECONDS = 1.0
"""So long an editor that is told to end may take."""
_KEPT = "Your text is still in the prompt."


class ExternalEditor:
    """Has a draft edited outside; `lend` gives the editor the terminal meanwhile."""

    def __init__(
        self,
        lend: Callable[[], AbstractContextManager[None]],
        environment: Mapping[str, str],
        folders: EditorFolders,
    ) -> None:
        self._lend, self._environment, self._folders = lend, environment, folders
        self._child: asyncio.subprocess.Process | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    async def edit(self, draft: str, origin: DraftOrigin | None, take: Callable[[str], Awaitable[None]]) -> None:
        """Hand what was saved to `take`, also where the editor then died. Without an origin the words are private.

        Raises `CommandError`.
        """
        command = editor_of(self._environment, _KEPT)
        self._idle.clear()
        try:
            await self._edit(command, draft, origin, take)
        except OSError as error:
            raise CommandError(f"The editor could not be used: {error.strerror}.", _KEPT) from None
        finally:
            self._idle.set()

    async def _edit(
        self, command: Sequence[str], draft: str, origin: DraftOrigin | None, take: Callable[[str], Awaitable[None]]
    ) -> None:
        file = await asyncio.to_thread(EditorFile.create, draft, origin, self._folders)
        try:
            with self._lend():
                code = await self._run([*command, str(file.path)])
            text = await self._read_saved(file, private=origin is None)
            has_saved = text != draft and bool(text.strip())
            if has_saved or not code:
                await take(text)
        except asyncio.CancelledError:
            # The program ends before the editor does.
            await asyncio.to_thread(file.remove if origin is None else file.leave)
            raise
        except BaseException:
            await asyncio.to_thread(file.remove)
            raise
        await asyncio.to_thread(file.remove)
        if code:
            kept = "The prompt now has what it saved; Ctrl+Z restores the previous text."
            raise CommandError(
                f"The editor {shorten(command[0], 60)} exited with code {code}.",
                kept if has_saved else _KEPT,
            )

    async def _read_saved(self, file: EditorFile, *, private: bool) -> str:
        try:
            return await asyncio.to_thread(file.read)
        except TooLargeError:
            title = f"The text is larger than {LIMIT_BYTES // 1_000_000} MB."
            if private:
                raise CommandError(title, f"It was deleted because the conversation is private. {_KEPT}") from None
            copy = await asyncio.to_thread(file.put_aside)
            raise CommandError(title, f"It is saved as {copy}; attach that file instead. {_KEPT}") from None

    async def _run(self, command: Sequence[str]) -> int:
        """Wait for a command that has the terminal; answers stream on meanwhile."""
        # The person's own program, used by hand: it has their environment, and the folder that they work in.
        found = child_process.find_program(command[0], self._environment) or command[0]
        started = ChildCommand((found, *command[1:]), dict(self._environment))
        self._child = child = await child_process.start(started, stdin=None, stdout=None, stderr=None)
        # Ctrl+C there is the editor's: as long as the terminal is lent, it comes to both.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return await child.wait()
        finally:
            signal.signal(signal.SIGINT, before)
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        if self._child is not None and self._child.returncode is None:
            # Its own `terminate` may take its exit code away from asyncio, which then warns on the screen.
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGTERM)

    async def end(self) -> None:
        """Have an editor that runs end, and what it had saved taken; harmless where none runs."""
        if not self._idle.is_set():
            self._ask_to_end()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), END_SECONDS)
