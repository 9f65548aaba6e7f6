"""The themes that an app has been drawn with: the one in use is the app's `theme`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from textual.app import App

from chat_tui.core.errors import ChatTuiError, ThemeError
from chat_tui.tui.terminal.background import is_dark
from chat_tui.tui.theme import palette as palettes
from chat_tui.tui.theme import themes
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.theme.palette import Palette
from chat_tui.tui.widgets.host import ListChoice


class AppThemes:
    """Registers palettes as themes of an app."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._palettes: dict[str, Palette] = {}
        self.follows = False
        """Whether the theme in use is the one that the terminal's background asks for."""
        self._dark = is_dark(os.environ)

    @property
    def in_use(self) -> Palette:
        """The palette that the app is drawn with."""
        return self._palettes[self._app.theme]

    def ink(self, *, hyperlinks: bool) -> Ink:
        """Return the theme in use as the transcript writes with it; `hyperlinks`: the terminal can open links."""
        return themes.ink(self.in_use, hyperlinks=hyperlinks)

    def use(self, palette: Palette) -> None:
        """Draw the app with this palette; without colours, with one that needs none."""
        if self._app.no_color:
            palette = palettes.load_theme(palettes.PLAIN_THEME, (palettes.built_in_folder(),))
        self._palettes[palette.name] = palette
        self._app.register_theme(themes.textual_theme(palette))
        self._app.theme = palette.name

    def load(self, name: str) -> Palette:
        """Return the theme of this name; `auto` is the one for the terminal's background. Raises `ThemeError`."""
        if name != palettes.AUTO_THEME:
            return palettes.load_theme(name, palettes.theme_folders())
        name = palettes.DEFAULT_THEME if self._dark else palettes.LIGHT_THEME
        return palettes.load_theme(name, (palettes.built_in_folder(),))

    def note_background(self, dark: bool) -> bool:
        """Note how the background is; whether the theme in use is another one now."""
        changed, self._dark = dark != self._dark, dark
        return changed and self.follows

    def use_first(self, names: Iterable[str], tell: Callable[[ChatTuiError], object]) -> None:
        """Use the first of these themes that can be loaded, else the default; `tell` is called for the others."""
        for name in filter(None, names):
            try:
                self.use(self.load(name))
                self.follows = name == palettes.AUTO_THEME
                return
            except ThemeError as error:
                tell(error)
        self.use(palettes.load_theme(palettes.DEFAULT_THEME, (palettes.built_in_folder(),)))

    def apply_ansi(self, name: str) -> None:
        """Tell Textual that a theme uses the terminal's own colours, in versions that do not ask the theme."""
        palette = self._palettes.get(name)
        if palette is not None and not themes.themes_are_native():
            self._app.ansi_color = palette.ansi

    def choices(self, loaded: Mapping[str, Palette], use: Callable[[str], object]) -> list[ListChoice]:
        """Return a row for each of these themes; `use` is called with the name of the one that is chosen."""
        in_use = palettes.AUTO_THEME if self.follows else self._app.theme
        auto = ListChoice(
            palettes.AUTO_THEME,
            partial(use, palettes.AUTO_THEME),
            help="as the terminal's background",
            note="in use" if self.follows else "",
            marked=self.follows,
        )
        return [
            auto,
            *(
                ListChoice(
                    name,
                    partial(use, name),
                    help="the terminal's own colours" if palette.ansi else "dark" if palette.dark else "light",
                    note="in use" if name == in_use else "",
                    marked=name == in_use,
                )
                for name, palette in sorted(loaded.items())
            ),
        ]
