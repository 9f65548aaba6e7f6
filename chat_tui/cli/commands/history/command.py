"""`chat-tui history`: list, show, search, export, import, delete, restore, check, backup. Only `import`
creates a store."""

from __future__ import annotations

import argparse
import asyncio
import math
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from chat_tui.cli.output.history_notices import report_migration, report_recovery
from chat_tui.cli.output.progress import ProgressLine
from chat_tui.cli.output.search_results import FoundResult, format_time, result_record, write_results
from chat_tui.config import paths
from chat_tui.core.conversation import ConversationSummary, SearchStep, Tree, Turn, days_left, now, summary_title
from chat_tui.core.errors import HistoryError, StoreDamaged
from chat_tui.core.files import writing as files
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.processes import console
from chat_tui.core.processes.console import write_error
from chat_tui.core.route import Route
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.search_progress import search_count, search_progress
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import deletion, naming, reads
from chat_tui.history.queries.integrity import CheckReport
from chat_tui.history.store import Store
from chat_tui.history.transfer.exporting import Format, export_text
from chat_tui.history.transfer.formats import native

_EVERY = 1_000_000_000
_WRITING = {"export", "backup"}
"""Actions that write a file of the user's."""
_READING = {"list", "show", "search", "export"}
"""Actions that can be repeated when they meet damage, because they have printed nothing yet."""


def run(options: argparse.Namespace) -> int:
    """Run the action; returns the exit code."""
    if options.action == "export" and bool(options.id) == options.all:
        write_error("chat-tui: name one conversation to export, or use --all (not both).\n")
        return 2
    if options.action == "export" and options.all and options.format in ("markdown", "html"):
        write_error("chat-tui: --all can only be exported as JSON.\n")
        return 2
    ended: list[int] = []
    try:
        try:
            return _run_action(options, ended.append)
        except StoreDamaged:
            if options.action not in _READING:
                raise
            # The damage is recorded: the next opening recovers what can be read.
            return _run_action(options, ended.append)
    except asyncio.CancelledError:
        return 128 + ended[0]


def _run_action(options: argparse.Namespace, tell_end: Callable[[int], None]) -> int:
    action = _ACTIONS[options.action](options)
    return asyncio.run(cancel_on_signals(action, tell_end) if options.action in _WRITING else action)


async def cancel_on_signals(action: Coroutine[Any, Any, int], tell: Callable[[int], None]) -> int:
    """Await `action`; signals that end the program cancel it, as Ctrl-C does, so that no incomplete file is left."""
    doing = asyncio.ensure_future(action)

    def end(number: int) -> None:
        tell(number)
        doing.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        # A signal that is ignored stays ignored: `nohup` relies on that.
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, end, number)
    return await doing


# -- reading --------------------------------------------------------------------------------------------------------


async def _list(options: argparse.Namespace) -> int:
    if options.deleted:
        return await _list_deleted(options)
    async with _open_store() as store:
        rows = [] if store is None else await store.read(reads.summaries, options.limit or _EVERY)
    if options.json:
        console.write_output("[" + ",\n ".join(native.json_text(_summary(row)) for row in rows) + "]\n")
        return 0
    console.write_output("".join(map(_format_summary, rows)) or "There are no conversations yet.\n")
    return 0


async def _list_deleted(options: argparse.Namespace) -> int:
    async with _open_store() as store:
        rows = [] if store is None else await store.read(reads.deleted_conversations, options.limit or _EVERY)
    if options.json:
        texts = (native.json_text({**_summary(row.summary), "deleted": row.deleted}) for row in rows)
        console.write_output("[" + ",\n ".join(texts) + "]\n")
        return 0
    for row in rows:
        left = count_of(days_left(row.deleted, now()), "day")
        title = shorten(row.summary.title, 100)
        console.write_output(f"{row.summary.id}  deleted {format_time(row.deleted)}  {left:>7} left  {title}\n")
    if not rows:
        console.write_output("No deleted conversation can be restored.\n")
    return 0


def _summary(row: ConversationSummary) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _format_summary(row: ConversationSummary) -> str:
    pin = "*" if row.pinned else " "
    count = count_of(row.turns, "turn")
    return f"{row.id} {pin} {format_time(row.updated)}  {count:>10}  {shorten(row.title, 100)}\n"


async def _show(options: argparse.Namespace) -> int:
    async with _open_store() as store:
        tree = await _find_tree(store, options.id)
    turns = tree.turns if options.all else tree.conversation.path
    if options.json:
        record = {
            **native.conversation(tree.conversation, tree.turns),
            "leaf": tree.leaf,
            "turns": [native.turn(turn, tree.routes.get(turn.id)) for turn in turns],
        }
        console.write_output(native.json_text(record) + "\n")
        return 0
    of = tree.conversation
    console.write_output(f"{shorten(of.title, 300)}\n{of.id} · {format_time(of.created)}\n")
    if of.system_prompt:
        console.write_output(f"\n── system ──\n{of.system_prompt}\n")
    for turn in turns:
        console.write_output(_format_turn(turn, tree.routes.get(turn.id), with_ids=options.all))
    return 0


def _format_turn(turn: Turn, route: Route | None, *, with_ids: bool) -> str:
    who = summary_title(turn) if turn.role == "summary" else shorten(turn.model, 100) or turn.role
    facts = [who, format_time(turn.created)]
    facts += [] if turn.state == "complete" else [turn.state]
    facts += [f"{turn.id} below {turn.parent or 'nothing'}"] if with_ids else []
    files = "".join(f"\n[{shorten(file.name, 200)}, {file.size_bytes} bytes]" for file in turn.attachments)
    memory = "".join(f"\n[memory that was sent: {each.name}]" for each in (route.memory if route else ()))
    return f"\n── {' · '.join(facts)} ──\n{turn.text}{files}{memory}\n"


async def search_turns(
    options: argparse.Namespace, opened: Callable[[], AbstractAsyncContextManager[Store | None]] | None = None
) -> int:
    """Search the store that `opened` opens (None: the user's). A cancel writes the results so far."""
    found = _SearchRun(options)
    try:
        async with (opened or _open_store)() as store:
            if store is not None:
                await found.collect(store, " ".join(options.query))
    except asyncio.CancelledError:
        # Ctrl-C: the hits that were found by then are written.
        found.write()
        write_error("chat-tui: search interrupted; older messages may contain more results.\n")
        raise
    found.write()
    if not options.json:
        write_error(f"chat-tui: {found.total() or 'no results'}.\n")
    return 0


class _SearchRun:
    """One search: its results, of which the first `offset` are left out, are written as soon as there are enough."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._first, self._limit = options.offset, options.limit or _EVERY
        self._as_json = options.json
        self._results: list[FoundResult] = []
        self._titles = 0
        self._last = SearchStep()
        self._is_written = False

    async def collect(self, store: Store, query: str) -> None:
        """Search to the oldest message, so that the number is exact, or with JSON until there are enough results; show
        the progress on a terminal."""
        end = self._first + self._limit
        with ProgressLine(note_seconds=math.inf) as line:
            async with aclosing(store.search_steps(query, end, counts=not self._as_json)) as steps:
                async for self._last in steps:
                    self._titles += len(self._last.titles)
                    self._results += [*self._last.titles, *self._last.hits]
                    if len(self._results) >= end and not self._is_written and not self._as_json:
                        line.clear()
                        self.write()
                    progress = search_progress(self._last.searched, self._last.searched_back_to)
                    line.show(f"searching… {self._last.messages:,} found, {progress}")

    def write(self) -> None:
        """Write the results, once."""
        if self._is_written:
            return
        self._is_written = True
        shown = self._results[self._first : self._first + self._limit]
        if self._as_json:
            console.write_output(native.json_text([*map(result_record, shown)]) + "\n")
        else:
            write_results(shown)

    def total(self) -> str:
        """How much was found; empty for nothing."""
        last, shown = self._last, len(self._results[self._first : self._first + self._limit])
        counted = search_count(last.messages, self._titles, last.conversations, complete=last.complete)
        if not counted or shown == last.messages + self._titles:
            return counted
        return (
            f"{counted}; shown are {self._first + 1:,} to {self._first + shown:,}" if shown else f"{counted}; no more"
        )


# -- in and out -----------------------------------------------------------------------------------------------------


async def _export(options: argparse.Namespace) -> int:
    form: Format = "json" if options.json or options.all else options.format or "markdown"
    number, left_out = 1, 0
    name = "" if options.out == "-" else options.out
    with _open_output(name) as output:
        async with _open_store() as store:
            if options.all:
                number, left_out = await _export_all(store, output)
            else:
                tree = await _find_tree(store, options.id)
                output.put(await export_text(_require_store(store), tree, form))
    if name:
        write_error(f"chat-tui: {count_of(number, 'conversation')} written to {name}.\n")
    return 1 if left_out else 0


async def _export_all(store: Store | None, output: _Output) -> tuple[int, int]:
    """Write all readable conversations and report the others; returns the number of each."""
    rows = [] if store is None else await store.read(reads.summaries, _EVERY)
    left_out = 0
    for row in rows:
        try:
            text = await export_text(
                _require_store(store), await _require_store(store).read(reads.tree, row.id), "json"
            )
        except HistoryError as error:
            left_out += 1
            title = shorten(row.title, 100)
            write_error(f"chat-tui: “{title}” ({shorten(row.id, 60)}) was left out: {error.title}\n")
        else:
            output.put(text)
    return len(rows) - left_out, left_out


class _Output:
    """Stdout, or a file that appears when it is complete."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file

    def put(self, text: str) -> None:
        if self._file is None:
            console.write_output(text)
        else:
            self._file.write(text.encode("utf-8", "replace"))


@contextmanager
def _open_output(name: str | None) -> Iterator[_Output]:
    if not name:
        yield _Output(None)
        return
    target = expand_home(name)
    try:
        with files.new_file(target) as opened:
            yield _Output(opened)
    except FileExistsError:
        raise HistoryError(f"{target} already exists.", "Choose another file.") from None
    except OSError as error:
        raise _output_error(target, error) from error


def _output_error(file: Path, error: OSError) -> HistoryError:
    return HistoryError(f"{file} cannot be written: {error.strerror or error}.", "Choose a file in another folder.")


async def _import(options: argparse.Namespace) -> int:
    from chat_tui.cli.commands.history import importing

    return await importing.run(paths.expand(options.file) or Path(), as_json=options.json)


# -- the store itself -----------------------------------------------------------------------------------------------


async def _delete(options: argparse.Namespace) -> int:
    async with _open_store() as store:
        found = await _find_any(store, options.id)
        about = f"“{shorten(found.title, 100)}” ({found.id}, {count_of(found.turns, 'turn')})"
        if not options.yes and sys.stdin is not None and sys.stdin.isatty() and console.error_is_terminal():
            write_error(f"Permanently delete {about}? [y/N] ")
            answer = await asyncio.to_thread(sys.stdin.readline)
            if answer.strip().lower() not in ("y", "yes"):
                write_error("chat-tui: nothing was deleted.\n")
                return 1
        await _require_store(store).erase(found.id)
    if options.json:
        console.write_output(native.json_text({"deleted": found.id, "title": found.title, "turns": found.turns}) + "\n")
    else:
        console.write_output(f"{about} was deleted.\n")
    return 0


class _FoundConversation(NamedTuple):
    id: str
    title: str
    turns: int


async def _find_any(store: Store | None, name: str) -> _FoundConversation:
    """Return the conversation of this name, also if it is deleted. Raises `HistoryError`."""
    known = _require_store(store)
    wanted = await known.read(naming.resolve_id, name, "all")
    for row in await known.read(reads.deleted_conversations, _EVERY):
        if row.summary.id == wanted:
            return _FoundConversation(wanted, row.summary.title, row.summary.turns)
    tree = await known.read(reads.tree, wanted)
    return _FoundConversation(wanted, tree.conversation.title, len(tree.turns))


async def _restore(options: argparse.Namespace) -> int:
    async with _open_store() as store:
        known = _require_store(store)
        wanted = await known.read(naming.resolve_id, options.id, "deleted")
        rows = await known.read(reads.deleted_conversations, _EVERY)
        found = next((row.summary for row in rows if row.summary.id == wanted), None)
        if found is None:
            raise naming.deleted_not_found(options.id)
        await known.write(deletion.restore, found.id)
    if options.json:
        console.write_output(native.json_text({"restored": found.id, "title": found.title}) + "\n")
    else:
        console.write_output(f"“{shorten(found.title, 100)}” ({found.id}) was restored.\n")
    return 0


async def _check(options: argparse.Namespace) -> int:
    file = str(paths.store_file())
    async with _open_store() as store:
        if store is None:
            console.write_output(
                native.json_text({"ok": True, "file": None}) + "\n"
                if options.json
                else "No conversations have been saved yet.\n"
            )
            return 0
        report, recovered = await store.check(), store.warning
    if options.json:
        fields = {name: getattr(report, name) for name in report.__struct_fields__}
        console.write_output(native.json_text({"ok": report.ok and recovered is None, "file": file, **fields}) + "\n")
    else:
        for problem in report.problems:
            console.write_output(f"{shorten(problem, 500)}\n")
        state = (
            "Problems were found in" if report.problems else "No problems remain in" if recovered else "No problems in"
        )
        console.write_output(
            f"{state} {file}: {count_of(report.conversations, 'conversation')},"
            f" {count_of(report.turns, 'turn')},"
            f"{_count_deleted(report)}"
            f" {report.size_bytes / 1e6:.1f} MB.\n"
        )
    # A history that was just recovered is sound now, but it was damaged.
    return 0 if report.ok and recovered is None else 1


def _count_deleted(report: CheckReport) -> str:
    return f" {count_of(report.deleted_conversations, 'deleted conversation')}," if report.deleted_conversations else ""


async def _backup(options: argparse.Namespace) -> int:
    file = paths.store_file()
    name = f"{file.stem}.{datetime.now():%Y-%m-%d-%H%M%S}{file.suffix}"
    target = paths.expand(options.file) or file.with_name(name)
    async with _open_store() as store:
        await _require_store(store).backup(target)
    size = target.stat().st_size
    if options.json:
        console.write_output(native.json_text({"file": str(target.absolute()), "size_bytes": size}) + "\n")
    else:
        console.write_output(f"The history was copied to {target} ({size / 1e6:.1f} MB).\n")
    return 0


_ACTIONS = {
    "list": _list,
    "show": _show,
    "search": search_turns,
    "export": _export,
    "import": _import,
    "delete": _delete,
    "restore": _restore,
    "check": _check,
    "backup": _backup,
}


@asynccontextmanager
async def _open_store() -> AsyncGenerator[Store | None, None]:
    """Open the store; yields None if it does not exist, because reading must not create it."""
    file = paths.store_file()
    if not file.exists():
        yield None
        return
    store = await Store.open_or_read(file, StoreSettings(when_slow=report_migration, when_recovering=report_recovery))
    try:
        if store.notice:
            write_error(f"chat-tui: {store.notice}\n")
        yield store
        if store.garbled_texts:
            write_error(
                "chat-tui: Some of these texts are damaged; unreadable characters are shown as \ufffd."
                " `chat-tui history check` names them.\n"
            )
    finally:
        await store.close()


async def _find_tree(store: Store | None, name: str) -> Tree:
    known = _require_store(store)
    return await known.read(reads.tree, await known.read(naming.resolve_name, name))


def _require_store(store: Store | None) -> Store:
    if store is None:
        raise HistoryError("No conversations have been saved yet.", "Start one with `chat-tui` or `chat-tui ask`.")
    return store
