"""The settings over the chat: filtered as one types, changed in place, written into the config file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import msgspec
from rich.cells import cell_len, set_cell_size
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from chat_tui.config import edit
from chat_tui.config.schema import Config
from chat_tui.config.setting_list import DEFAULT, Override, Setting, read_settings, shown_value
from chat_tui.core.errors import ChatTuiError, ConfigError
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.widgets.host import Host
from chat_tui.tui.widgets.line_input import LineInput
from chat_tui.tui.widgets.row_list import Filter, RowList, matching
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, crop_middle, wrap

_UNSET = "–"
_LONGEST = 2_000
_RESTART = "takes effect at the next start"


class SettingDetail(StyledLines):
    """The setting under the cursor in words, and the path of the config file."""

    HEIGHT = 5
    DEFAULT_CSS = "SettingDetail { width: 1fr; height: 5; padding: 0 1; background: $panel; }"

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file, self._is_live = file, False
        self._setting: Setting | None = None

    def show(self, setting: Setting | None, is_live: bool) -> None:
        """Show this setting; `is_live`: a change acts at once."""
        self._setting, self._is_live = setting, is_live
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """Its meaning, then its default, where its value comes from and when a change counts, then the path."""
        missing = "" if self._file.exists() else "does not exist yet: "
        setting = self._setting
        line = f":{setting.line}" if setting is not None and setting.line else ""
        path: Line = (Span(missing, "warning"), Span(crop_middle(f"{self._file}{line}", width - len(missing)), "dim"))
        if setting is None:
            return [(Span(crop("No setting matches. Try fewer letters.", width), "dim"),), (), (), (), path]
        meaning = [(Span(text),) for text in wrap(setting.meaning, width, 3)]
        about = " · ".join(_about(setting, self._is_live))
        return [*meaning, *[()] * (3 - len(meaning)), (Span(crop(about, width), "dim"),), path]


def _about(setting: Setting, is_live: bool) -> Iterator[str]:
    """Yield where a value comes from and how it is changed, the most important first."""
    if setting.form not in ("table", "variable") or setting.default is not None:
        unset = "the strategy's own value" if setting.key.startswith("strategies.") else "not set"
        yield f"default: {shown_value(setting.default) or unset}"
    if setting.source != DEFAULT:
        yield f"from: {setting.source}"
    if setting.reset:
        yield setting.reset
        yield f"in the file: {shown_value(setting.saved) or 'not set'}"
    yield setting.kind
    if setting.form not in ("table", "variable"):
        yield "acts at once" if is_live else _RESTART


def _next_choice(setting: Setting) -> str:
    place = setting.choices.index(setting.saved) + 1 if setting.saved in setting.choices else 0
    return setting.choices[place % len(setting.choices)]


class SettingsScreen(FramedScreen[None]):
    """`choices`: the values of texts that are chosen from a list, by key. `check` hears of a value before it is
    written and may refuse it; `apply` hears of the config afterwards, for the keys in `live`, which act at once.
    `overrides` returns the values that take precedence over the config's now."""

    DEFAULT_CSS = """
    SettingsScreen > .frame { width: 110; height: 90%; }
    SettingsScreen RowList { height: 1fr; background: $surface; }
    SettingsScreen > .frame > .edit { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    """
    KEYS = ("list.choose", "screen.close")
    WORDS: ClassVar[Mapping[str, str]] = {"list.choose": "change"}

    def __init__(
        self,
        file: Path,
        *,
        choices: Mapping[str, Sequence[str]],
        live: frozenset[str],
        check: Callable[[str, Any], None],
        apply: Callable[[str, Config], None],
        overrides: Callable[[], Mapping[str, Override]],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__("Settings")
        self._file, self._choices, self._live = file, choices, live
        self._check, self._apply = check, apply
        self._overrides, self._environ = overrides, environ
        self._settings: Sequence[Setting] = ()
        self._found: Sequence[int] = ()
        self._edited: Setting | None = None
        self._writing = asyncio.Lock()
        self._column = 0
        self._rows = RowList(self._draw)
        self._rows.can_focus = False
        self._filter = Filter(self._rows, "type to filter")
        self._line = LineInput(max_length=_LONGEST, classes="edit")
        self._detail = SettingDetail(file)

    def compose(self) -> ComposeResult:
        """The input above, the rows, and the setting under the cursor in words."""
        with self.in_frame(Vertical()):
            yield self._filter
            yield self._rows
            yield self._line
            yield self._detail

    async def on_mount(self) -> None:
        """Ready to be typed into."""
        self._filter.focus()
        await self._read()

    async def _read(self, *, is_quiet: bool = False) -> None:
        """Show the file as it is now; one that cannot be read leaves what is shown, and is told unless `is_quiet`."""
        read = partial(read_settings, self._file, environ=self._environ, overrides=self._overrides())
        try:
            found = await asyncio.to_thread(read)
        except ConfigError as error:
            if not is_quiet:
                self._host.tell(error)
            return
        self._settings = [self._with_choices(setting) for setting in found]
        self._column = max(cell_len(setting.key) for setting in found) + 3
        self._narrow(self._rows.cursor)

    def _with_choices(self, setting: Setting) -> Setting:
        choices = self._choices.get(setting.key)
        if not choices:
            return setting
        return msgspec.structs.replace(setting, form="choice", choices=tuple(choices), kind="Enter: next value")

    @property
    def _host(self) -> Host:
        return cast("Host", self.app)

    @property
    def _current(self) -> Setting | None:
        place = self._rows.cursor
        return self._settings[self._found[place]] if place < len(self._found) else None

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        if event.input is self._filter:
            self._narrow(0)

    def _narrow(self, cursor: int) -> None:
        texts = [f"{setting.key} {setting.meaning}".casefold() for setting in self._settings]
        typed = self._filter.value
        found = matching(typed, texts, letters=False)
        # A setting of this name is more likely meant than one whose meaning has the word.
        self._found = sorted(found, key=lambda place: typed.strip().casefold() not in self._settings[place].key)
        self._rows.show(len(self._found), cursor)
        self._show_detail()

    def _draw(self, row: int, width: int) -> list[Line]:
        setting = self._settings[self._found[row]]
        column = min(self._column, width // 2)
        changed = setting.source != DEFAULT
        key = Span(set_cell_size(f" {crop_middle(setting.key, column - 2)}", column), "strong" if changed else "text")
        value = Span(setting.to_text() or _UNSET, "accent" if changed else "text")
        return [(key, *apart(value, Span(f"{setting.source} ", "dim"), width - column))]

    @on(RowList.Moved)
    def tell(self, event: RowList.Moved) -> None:
        """Show the setting under the cursor in words."""
        event.stop()
        self._show_detail()

    def _show_detail(self) -> None:
        setting = self._current
        self._detail.show(setting, setting is not None and setting.key in self._live)

    @on(RowList.Chosen)
    def choose(self, event: RowList.Chosen) -> None:
        """Enter or a click: switch, go to the next choice, or open a line for the value."""
        event.stop()
        setting = self._current
        if setting is None:
            return
        if setting.form == "switch":
            self._save(setting.key, lambda now: not now.saved)
        elif setting.form == "choice":
            self._save(setting.key, _next_choice)
        elif setting.form == "table":
            line = f", line {setting.line}" if setting.line else ""
            self._host.say(f"{setting.key} is changed in the file", f"{self._file}{line}", long=True)
        elif setting.form == "variable":
            self._host.say(f"{setting.key} is set in the shell", "Change it there and start chat-tui again.")
        else:
            self._begin_edit(setting)

    def _begin_edit(self, setting: Setting) -> None:
        self._edited = setting
        self._line.placeholder = f"{setting.key}: {setting.kind}; empty: the default"
        # A number is typed anew, a text is mostly changed.
        self._line.select_on_focus = setting.form == "number"
        self._line.password = setting.form == "secret"
        self._line.value = setting.line_text()
        self._line.display = True
        self._line.focus()

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        """Enter in the line of a value."""
        event.stop()
        if event.input is self._line and self._edited is not None:
            text = self._line.value.strip()
            self._save(self._edited.key, lambda now: now.parse(text) if text else None)

    def _save(self, key: str, new: Callable[[Setting], Any]) -> None:
        self.run_worker(self._write(key, new), group="write", exclusive=False)

    async def _write(self, key: str, new: Callable[[Setting], Any]) -> None:
        """Write the value that `new` makes of a setting, None to remove it; after an error, what was typed stays in its
        line."""
        async with self._writing:
            setting = next(each for each in self._settings if each.key == key)
            value, seen, is_drawn = new(setting), edit.Seen(setting.saved), False
            try:
                self._check(key, value)
                is_drawn = True
                if value is None:
                    config = await asyncio.to_thread(edit.unset, self._file, key, seen=seen)
                else:
                    config = await asyncio.to_thread(edit.set_value, self._file, key, value, seen=seen)
            except ChatTuiError as error:
                self._host.tell(error)
                if is_drawn:
                    self._check(key, setting.value)
                await self._read(is_quiet=True)
                return
            if key in self._live:
                self._apply(key, config)
            await self._read()
            self._end_edit()
            if key not in self._live:
                self._host.say(f"{key} was saved", f"It {_RESTART}.")

    def _end_edit(self) -> None:
        self._edited, self._line.display = None, False
        self._filter.focus()

    def action_close(self) -> None:
        """Leave the line of a value, else the settings."""
        if self._edited is not None:
            self._end_edit()
        else:
            self.dismiss(None)
