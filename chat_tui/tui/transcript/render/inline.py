"""Turns a paragraph's inline Markdown into styled runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style

from chat_tui.markdown.inline.latex import legible, small_text
from chat_tui.markdown.links import alt_text, deceives, is_openable, told_target
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.render.wrapping import Line, Run, wrap

if TYPE_CHECKING:
    from markdown_it.token import Token


class InlineRenderer:
    """Text with emphasis, code, links (whose true target is shown), images, legible mathematics, HTML as source."""

    def __init__(self, ink: Ink) -> None:
        self._ink = ink

    def lines(self, token: Token, width: int, style: Style) -> list[Line]:
        """The inline token's text, wrapped."""
        return wrap(self.runs(token, style), width)

    def runs(self, token: Token, style: Style) -> list[Run]:
        """The inline token's text as runs over `style`."""
        ink = self._ink
        runs: list[Run] = []
        styles = [style]
        target = ""
        link_from = 0
        small_from: list[int] = []
        over_styles = {"em_open": ink.emphasis, "strong_open": ink.strong, "s_open": ink.strike, "kbd_open": ink.code}
        for child in token.children or ():
            kind = child.type
            if kind == "math_inline":
                # A copy of it takes what the model wrote.
                runs.append((legible(child.content).replace("\n", "; ").expandtabs(4), styles[-1], child.content))
            elif kind in ("text", "html_inline", "text_special"):
                if child.content:
                    runs.append((child.content.expandtabs(4), styles[-1], True))
            elif kind == "softbreak":
                runs.append(("\n" + " " * child.meta["indent"] if child.meta.get("kept") else " ", styles[-1], True))
            elif kind == "hardbreak":
                runs.append(("\n", styles[-1], True))
            elif kind == "code_inline":
                runs.append((child.content.expandtabs(4), styles[-1] + ink.code, True))
            elif kind == "image":
                runs += self._image(child, styles[-1])
            elif kind == "link_open":
                target, link_from = str(child.attrs.get("href", "")), len(runs)
                styles.append(styles[-1] + ink.link + self._address(target))
            elif kind == "link_close":
                styles.pop()
                text = "".join([run[0] for run in runs[link_from:]])
                if told := told_target(text, target):
                    aside = ink.warning if deceives(text, target) else ink.link_target
                    runs.append((told, styles[-1] + aside, True))
            elif kind == "footnote":
                runs.append((small_text(child.content, raised=True), styles[-1] + ink.accent, f"[^{child.content}]"))
            elif kind in ("sub_open", "sup_open"):
                small_from.append(len(runs))
                styles.append(styles[-1])
            elif kind in ("sub_close", "sup_close"):
                _make_small(runs, small_from.pop(), raised=kind == "sup_close")
                styles.pop()
            elif child.nesting == 1:
                over = over_styles.get(kind)
                styles.append(styles[-1] + over if over else styles[-1])
            elif child.nesting == -1:
                styles.pop()
            elif child.content:
                runs.append((child.content, styles[-1], True))
        return runs

    def _address(self, target: str) -> Style:
        """What lets the terminal open a link."""
        return Style(link=target) if self._ink.hyperlinks and is_openable(target) else Style()

    def _image(self, token: Token, style: Style) -> list[Run]:
        alt = alt_text(token)
        target = str(token.attrs.get("src", ""))
        label = f"[image: {alt}]" if alt else "[image]"
        runs: list[Run] = [(label, style + self._ink.link, True)]
        if target:
            runs.append((f" ‹{target}›", style + self._ink.link_target, True))
        return runs


def _make_small(runs: list[Run], start: int, *, raised: bool) -> None:
    """Raise or lower the runs from `start` on; a copy takes what was written."""
    text = "".join([run[0] for run in runs[start:]])
    if start < len(runs):
        runs[start:] = [(small_text(text, raised=raised), runs[start][1], text)]
