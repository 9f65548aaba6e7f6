"""Turns a paragraph's inline Markdown into styled runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style

from chat_tui.core.text.control_characters import clean
from chat_tui.markdown.latex import legible
from chat_tui.markdown.links import deceives, told_target
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
        for child in token.children or ():
            kind = child.type
            if kind == "math_inline":
                # A copy of it takes what the model wrote.
                runs.append((legible(child.content).replace("\n", "; ").expandtabs(4), styles[-1], child.content))
            elif kind in ("text", "html_inline", "text_special"):
                if child.content:
                    # An entity such as `&#x202e;` is a character by now.
                    runs.append((clean(child.content).expandtabs(4), styles[-1], True))
            elif kind == "softbreak":
                runs.append((" ", styles[-1], True))
            elif kind == "hardbreak":
                runs.append(("\n", styles[-1], True))
            elif kind == "code_inline":
                runs.append((child.content.expandtabs(4), styles[-1] + ink.code, True))
            elif kind == "image":
                runs += self._image(child, styles[-1])
            elif kind == "link_open":
                target, link_from = str(child.attrs.get("href", "")), len(runs)
                styles.append(styles[-1] + ink.link)
            elif kind == "link_close":
                styles.pop()
                text = "".join([run[0] for run in runs[link_from:]])
                if told := told_target(text, target):
                    aside = ink.warning if deceives(text, target) else ink.link_target
                    runs.append((told, styles[-1] + aside, True))
            elif child.nesting == 1:
                over = {"em_open": ink.emphasis, "strong_open": ink.strong, "s_open": ink.strike}.get(kind)
                styles.append(styles[-1] + over if over else styles[-1])
            elif child.nesting == -1:
                styles.pop()
            elif child.content:
                runs.append((child.content, styles[-1], True))
        return runs

    def _image(self, token: Token, style: Style) -> list[Run]:
        alt = " ".join(token.content.split())
        target = str(token.attrs.get("src", ""))
        label = f"[image: {alt}]" if alt else "[image]"
        runs: list[Run] = [(label, style + self._ink.link, True)]
        if target:
            runs.append((f" ‹{target}›", style + self._ink.link_target, True))
        return runs
