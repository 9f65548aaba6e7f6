"""A store's connections, to the file that is at its path now, also after it was deleted, replaced or recovered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chat_tui.core.errors import HistoryError, StoreDamaged
from chat_tui.history import displacement, opening
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.connection_thread import ConnectionThread
from chat_tui.history.database.error_mapping import map_error
from chat_tui.history.database.process_locks import ProcessLock
from chat_tui.history.displacement import StoreIdentity
from chat_tui.history.opening import StoreSettings


class Displaced(HistoryError):
    """The store's file is not at its path, which the writer handles. Never raised by the store itself."""


class Connections:
    """Opens, renews and closes connections. All but `recover` runs in the threads that it makes."""

    def __init__(self, file: Path | None, owner: ProcessLock, settings: StoreSettings) -> None:
        self._file, self._owner, self._settings = file, owner, settings
        self._place = "memory" if file is None else str(file)
        self._connect_reader: Callable[[Path], StoreConnection] = partial(opening.reader, settings=settings)
        self.read_only: HistoryError | None = None
        """The error that each write raises if the store is read-only; otherwise None."""
        self.warning: HistoryError | None = None
        """A warning for the user if the store was damaged and recovered when it was opened."""
        self.when_displaced: Callable[[HistoryError, bool], None] = lambda warning, replaced: None
        self.when_damaged: Callable[[], None] | None = None
        """Called when damage is found; None if the store is not recovered while it is open."""
        self._identity: StoreIdentity | None = None
        """Of the file that is written; None if it is in memory or read-only, so that it cannot be displaced."""
        self._copy_beside: Path | None = None
        """A copy that was saved beside the path while that cannot be used."""
        self._renewals = 0
        self.suspended = False
        """Whether the store is being recovered, when writes to the damaged file would be lost."""
        self._recovered: HistoryError | None = None
        """The warning about a recovered file that is at the path and not in use yet."""

    def make_read_only(self, why: HistoryError) -> None:
        """Use a store that cannot be written, also when that is possible again: what is read may not change."""
        self.read_only = why
        self._connect_reader = partial(opening.open_read_only, settings=self._settings)

    # -- threads ----------------------------------------------------------------------------------------------------

    def writer_thread(self) -> ConnectionThread:
        """The thread that writes."""
        return ConnectionThread(self._connect, self._place, self.mark_damage, renew=self.renew, close=self._close)

    def reader_thread(self, file: Path) -> ConnectionThread:
        """A thread that reads. It raises `Displaced` while the file is displaced and the writer has not handled it."""
        made = 0

        def connect() -> StoreConnection:
            nonlocal made
            if self._identity is not None and displacement.is_displaced(file, self._identity):
                raise Displaced("The history file is missing.")
            made = self._renewals
            return self._own(self._connect_reader(file))

        def renew(db: StoreConnection) -> StoreConnection:
            if made == self._renewals:
                return db
            fresh = connect()
            self._close(db)
            return fresh

        def mark(error: StoreDamaged) -> HistoryError:
            # Damage of the old file says nothing about the recovered one.
            return self.mark_damage(error) if made == self._renewals else error

        return ConnectionThread(connect, self._place, mark, renew=renew, close=self._close)

    def extra_thread(self, file: Path) -> ConnectionThread:
        """A thread for long work."""
        return ConnectionThread(lambda: self._own(self._connect_reader(file)), self._place, self.mark_damage)

    # -- connections ----------------------------------------------------------------------------------------------

    def _connect(self) -> StoreConnection:
        if self._file is None:
            return self._own(opening.in_memory(self._settings))
        if self.read_only is not None:
            raise self.read_only
        db, self.warning = opening.writer(self._file, self._owner, self._settings)
        self._identity = displacement.identity_of(self._file)
        return self._own(db)

    def _own(self, db: StoreConnection) -> StoreConnection:
        db.owner = self._owner
        return db

    def renew(self, db: StoreConnection) -> StoreConnection:
        """The writer's connection, to the file that is at the store's path."""
        if self._file is None or self._identity is None:
            return db
        if self.suspended:
            raise _being_recovered()
        if self._recovered is not None:
            fresh, again = opening.writer(self._file, self._owner, self._settings)
            warning, self._recovered = again or self._recovered, None
            return self._switch(db, fresh, warning, replaced=True)
        if not displacement.is_displaced(self._file, self._identity):
            return db
        try:
            renewal = displacement.renew(db, self._file, self._owner, self._settings, self._identity, self._copy_beside)
        except displacement.NotRenewed as error:
            self._copy_beside = error.aside
            raise
        self._copy_beside = None
        return self._switch(db, renewal.db, renewal.warning, replaced=renewal.replaced)

    def _switch(
        self, db: StoreConnection, fresh: StoreConnection, warning: HistoryError, *, replaced: bool
    ) -> StoreConnection:
        assert self._file is not None
        self._identity = displacement.identity_of(self._file)
        self._renewals += 1
        self._close(db)
        self.when_displaced(warning, replaced)
        return self._own(fresh)

    def _close(self, db: StoreConnection) -> None:
        file, known = self._file, self._identity
        if file is not None and known is not None and (self._renewals or displacement.is_displaced(file, known)):
            displacement.close(db, file, self._settings.busy_seconds)
        else:
            db.close()

    # -- damage ---------------------------------------------------------------------------------------------------

    def mark_damage(self, error: StoreDamaged | None = None) -> HistoryError:
        """Let the store be recovered, now or at the next start; returns the error to raise for the damage."""
        if self._file is not None:
            opening.mark_damage(self._file)
        if self.when_damaged is None or self._identity is None:
            return error or map_error(sqlite3.DatabaseError(), self._place)
        self.when_damaged()
        return _being_recovered()

    def suspend(self) -> None:
        """Write nothing from now on, until `recover` has ended."""
        self.suspended = True

    def recover(self) -> HistoryError | None:
        """Replace the damaged file by a new one with what can still be read; returns why if that fails.

        Takes as long as reading the file. The writer uses the new file from then on.
        """
        try:
            if self._file is None or self._identity is None or displacement.is_displaced(self._file, self._identity):
                # The writer handles that.
                return None
            self._recovered = opening.recover(self._file, self._owner, self._settings)
            return None
        except (sqlite3.Error, OSError, HistoryError) as error:
            why = error if isinstance(error, HistoryError) else map_error(error, self._place)
            return HistoryError(
                why.title, f"Open conversations stay in memory and are saved as soon as possible. {why.hint}".strip()
            )
        finally:
            self.suspended = False


def _being_recovered() -> StoreDamaged:
    return StoreDamaged(
        "The history file is damaged and is being recovered.",
        "You can continue: open conversations stay in memory and are saved afterwards.",
    )
