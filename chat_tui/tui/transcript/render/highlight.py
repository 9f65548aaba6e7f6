"""Colours code with pygments, which is loaded late and never on the event loop's thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.style import Style

from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.tui.transcript.render.wrapping import Run

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]
    from pygments.token import _TokenType  # type: ignore[import-untyped]

LONGEST_LINE = 2_000
"""Characters; code with a longer line is not coloured."""

_NAME = lazy_pattern(r"[\w+#.\-]{1,40}")
_PLAIN = frozenset(("", "text", "txt", "plain", "plaintext", "output", "none"))


class Highlighter:
    """Colours code whose lexer is there; `wanted` names the languages to load."""

    def __init__(self) -> None:
        self.wanted: set[str] = set()
        self._lexers: dict[str, Lexer | None] = {}
        self._tokens: Mapping[str, Style] = {}
        self._ground = Style()
        self._styles: dict[_TokenType, Style] = {}

    def set_colours(self, tokens: Mapping[str, Style], ground: Style) -> None:
        """Use these styles by token name, laid over `ground`."""
        self._tokens, self._ground = tokens, ground
        self._styles.clear()

    def load(self, languages: set[str]) -> None:
        """Load lexers by name; unknown names are remembered as such. Up to 100 ms each: not for the event loop."""
        from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
        from pygments.util import ClassNotFound  # type: ignore[import-untyped]

        for language in languages:
            lexer: Lexer | None
            try:
                lexer = get_lexer_by_name(language, stripnl=False, ensurenl=True)
            except ClassNotFound:
                lexer = None
            if language == "php":
                lexer = get_lexer_by_name("php", stripnl=False, ensurenl=True, startinline=True)
            if lexer is not None:
                for _ in lexer.get_tokens("x"):
                    pass
            self._lexers[language] = lexer

    def lines(self, code: str, language: str, within: str = "") -> list[list[Run]]:
        """The code's lines as runs; uncoloured when the lexer is not known or not loaded, or a line is too long.
        `within`: the mark of the string or comment that the code begins in."""
        lexer = self._lexer(language)
        rows = code.split("\n")
        if lexer is None or max(map(len, rows)) > LONGEST_LINE:
            return [[(row, self._ground, True)] if row else [] for row in rows]
        lines: list[list[Run]] = [[]]
        for kind, text in lexer.get_tokens(f"{within}\n{code}" if within else code):
            style = self._styles.get(kind) or self._style(kind)
            first, *others = text.split("\n")
            if first:
                lines[-1].append((first, style, True))
            for other in others:
                lines.append([(other, style, True)] if other else [])
        first_line = bool(within)
        return lines[first_line : first_line + len(rows)]

    def _lexer(self, language: str) -> Lexer | None:
        name = language.lower()
        if name in _PLAIN or not _NAME.fullmatch(name):
            return None
        if name not in self._lexers:
            self.wanted.add(name)
            return None
        return self._lexers[name]

    def _style(self, kind: _TokenType) -> Style:
        parts = list(kind)
        while parts:
            style = self._tokens.get(".".join(parts))
            if style is not None:
                break
            parts.pop()
        else:
            style = Style()
        style = self._ground + style
        self._styles[kind] = style
        return style
