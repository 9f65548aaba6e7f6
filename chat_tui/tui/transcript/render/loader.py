"""Imports the Markdown parser and the lexers on a thread, after the first paint, which needs neither."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chat_tui.tui.transcript.render.renderer import Renderer


class RendererLoader:
    """One import at a time; `loaded` is called when what was missing can be rendered. `load_more` is called in the
    thread before the parser is loaded."""

    def __init__(
        self, renderer: Renderer, loaded: Callable[[], None], load_more: Callable[[], None] = lambda: None
    ) -> None:
        self._renderer = renderer
        self._loaded = loaded
        self._load_more = load_more
        self.is_loading = False

    def load_parser(self) -> None:
        """Have the Markdown parser loaded, if that has not happened yet."""
        if not self._renderer.ready and not self.is_loading:
            self._on_thread(self._load_parser)

    def _load_parser(self) -> None:
        self._load_more()
        self._renderer.load()

    def load_lexers(self) -> None:
        """Have the lexers loaded that the highlighter has missed."""
        wanted = self._renderer.highlighter.wanted
        if wanted and not self.is_loading:
            languages = set(wanted)
            wanted.clear()
            self._on_thread(lambda: self._renderer.highlighter.load(languages))

    def _on_thread(self, work: Callable[[], None]) -> None:
        self.is_loading = True
        future = asyncio.get_running_loop().run_in_executor(None, work)
        future.add_done_callback(self._note_end)

    def _note_end(self, future: asyncio.Future[None]) -> None:
        self.is_loading = False
        if not future.cancelled():
            future.result()
            self._loaded()
