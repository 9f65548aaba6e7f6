"""Turns blocks into lines; what draws them is imported with the first block, and the Markdown parser by `load`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.style import Style

from chat_tui.tui.actions.bindings import keys_to
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.render.highlight import Highlighter
from chat_tui.tui.transcript.render.wrapping import Line, wrap_plain

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

    from chat_tui.markdown.block import Block
    from chat_tui.tui.transcript.render.blocks import BlockRenderer


class Renderer:
    """Turns blocks into lines with one ink. `load` has to be called once, on any thread, before Markdown is drawn."""

    def __init__(self, ink: Ink) -> None:
        self.highlighter = Highlighter()
        self.changed_keys: Mapping[str, str] = {}
        """Rebound keys by id, for lines that name keys."""
        self.keys_from_prompt = True
        """Such lines name keys as they are pressed from the prompt; else as those of the messages."""
        self._parser: MarkdownIt | None = None
        self.set_ink(ink)

    def set_ink(self, ink: Ink) -> None:
        """Draw with another ink from now on."""
        self.ink = ink
        self.base = ink.ground + ink.text
        self.code_base = ink.ground + ink.code_ground
        self._blocks: BlockRenderer | None = None
        """None until the first block is drawn with this ink."""
        self.highlighter.set_colours(ink.code_tokens, self.code_base)

    @property
    def ready(self) -> bool:
        """Whether Markdown is drawn as such; before, its source is shown."""
        return self._parser is not None

    def load(self) -> None:
        """Import the Markdown parser and what draws its blocks (about 50 ms: not for the event loop)."""
        from chat_tui.markdown.parser import make_parser
        from chat_tui.tui.transcript.render import blocks  # noqa: F401  The first block is not to wait for it.

        if self._parser is None:
            parser = make_parser()
            parser.parse("*a* `b`\n\n- c\n\n|d|\n|-|\n|e|\n")
            self._parser = parser

    def keys_to(self, id: str) -> str:
        """What is pressed for an action, from where the user is."""
        return keys_to(id, self.changed_keys, from_prompt=self.keys_from_prompt)

    def lines(self, block: Block, width: int, style: Style | None = None, *, shift: int = 0) -> list[Line]:
        """Return the block's lines, at most `width` cells wide.

        `style` replaces the text's own style in plain blocks. Wide tables are scrolled sideways by `shift` columns.
        """
        if self._blocks is None:
            from chat_tui.tui.transcript.render.blocks import BlockRenderer

            self._blocks = BlockRenderer(self.ink, self.base, self.code_base, self.highlighter)
        return self._blocks.lines(block, width, self._parser, style, shift=shift)

    def plain(self, text: str, width: int, style: Style) -> list[Line]:
        """Return text as it is, wrapped."""
        return wrap_plain(text, width, style)
