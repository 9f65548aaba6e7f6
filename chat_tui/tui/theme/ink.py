"""The styles with which the chat pane writes: one frozen record, filled from a theme."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from rich.style import Style


class Ink(msgspec.Struct, frozen=True):
    """Rich styles by role. All but `ground`, `code_ground` and `selection` need only a foreground (and attributes):
    the pane lays them over `ground`, or over `code_ground` inside a code block. Colours should be true colours
    (`#rrggbb`), so that no terminal palette bends them."""

    ground: Style
    """Background of the pane; every line is filled with it. Usually also carries `text`'s colour."""
    text: Style
    """Answer text."""
    dim: Style
    """Times, notes, the status line before the first token, hints under errors."""
    accent: Style
    """List bullets and numbers, task boxes, the mark of the selected turn."""
    user: Style
    """The question's text."""
    user_name: Style
    """`You` in the header line."""
    user_bar: Style
    """The bar at the left of questions."""
    assistant_name: Style
    """The model's name in the header line."""
    assistant_bar: Style
    """The bar at the left of the selected answer; others show none."""
    heading: Style
    """Headings of level 1 and 2."""
    heading_minor: Style
    """Headings of level 3 to 6."""
    strong: Style
    """Laid over the surrounding style; usually only bold."""
    emphasis: Style
    """Laid over the surrounding style; usually only italic."""
    strike: Style
    """Laid over the surrounding style; usually only struck through."""
    code: Style
    """Inline code; may carry a background."""
    code_ground: Style
    """Background of code blocks and the colour of code without a token style."""
    code_label: Style
    """The language's name over a code block; laid over `code_ground`."""
    link: Style
    """A link's text."""
    link_target: Style
    """The true address behind a link's text."""
    quote: Style
    """Quoted text."""
    quote_bar: Style
    """The bar at the left of a quote."""
    rule: Style
    """Thematic breaks and table lines."""
    table_head: Style
    """Laid over a table's head cells; usually bold."""
    thinking: Style
    """A model's thinking."""
    badge: Style
    """State badges that are not trouble (`cancelled`, `length`)."""
    warning: Style
    """`broken`, `refused`, and the note that something was left out."""
    error: Style
    """`failed`, and an error's title."""
    selection: Style
    """Laid over text that the mouse has selected; needs a background."""
    found: Style
    """Laid over the place that a search has come to; needs a background."""
    hyperlinks: bool = False
    """Links carry their address for the terminal, which opens it at a click."""
    code_tokens: Mapping[str, Style] = {}
    """Pygments token names without `Token.` (`Keyword`, `Name.Function`, `Literal.String`, `Comment`, …) to styles;
    a token takes the longest name that fits it (`Name.Function.Magic` → `Name.Function` → `Name`)."""


def plain_ink(*, hyperlinks: bool = False) -> Ink:
    """An ink for tests and for the time before a theme is known: light text on a dark ground."""

    def colour(value: str, *, bold: bool | None = None, italic: bool | None = None, underline: bool = False) -> Style:
        return Style(color=value, bold=bold, italic=italic, underline=underline or None)

    tokens = {
        "Keyword": "#c792ea",
        "Name.Function": "#82aaff",
        "Name.Class": "#ffcb6b",
        "Name.Builtin": "#80cbc4",
        "Name.Decorator": "#82aaff",
        "Name.Tag": "#f07178",
        "Name.Attribute": "#ffcb6b",
        "Literal.String": "#c3e88d",
        "Literal.Number": "#f78c6c",
        "Operator": "#89ddff",
        "Comment": "#8a93a8",
        "Generic.Inserted": "#c3e88d",
        "Generic.Deleted": "#f07178",
    }
    return Ink(
        ground=Style(color="#e0e0e8", bgcolor="#16181d"),
        text=colour("#e0e0e8"),
        dim=colour("#9098a8"),
        accent=colour("#7fb4ff"),
        user=colour("#f0f0f4"),
        user_name=colour("#8fd6a8", bold=True),
        user_bar=colour("#8fd6a8"),
        assistant_name=colour("#7fb4ff", bold=True),
        assistant_bar=colour("#7fb4ff"),
        heading=colour("#ffffff", bold=True),
        heading_minor=colour("#d0d4e0", bold=True),
        strong=Style(bold=True),
        emphasis=Style(italic=True),
        strike=Style(strike=True),
        code=Style(color="#ffcb8b", bgcolor="#20242c"),
        code_ground=Style(color="#d6deeb", bgcolor="#1c2027"),
        code_label=colour("#9098a8"),
        link=colour("#7fb4ff", underline=True),
        link_target=colour("#9098a8"),
        quote=colour("#b8bfcc", italic=True),
        quote_bar=colour("#5a6374"),
        rule=colour("#5a6374"),
        table_head=Style(bold=True),
        thinking=colour("#9098a8", italic=True),
        badge=colour("#b8bfcc"),
        warning=colour("#ffcb6b"),
        error=colour("#ff7a85"),
        selection=Style(bgcolor="#33507a"),
        found=Style(color="#16181d", bgcolor="#ffcb6b", bold=True),
        hyperlinks=hyperlinks,
        code_tokens={name: Style(color=value) for name, value in tokens.items()},
    )
