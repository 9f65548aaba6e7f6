"""Themes: a `Palette` as Textual's theme, and as the chat pane's `Ink`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chat_tui.tui.theme.palette import CodeColours, Colours, Palette, code_colours, cursor_ground

if TYPE_CHECKING:
    from rich.style import Style
    from textual.theme import Theme

    from chat_tui.tui.theme.ink import Ink


def textual_theme(palette: Palette) -> Theme:
    """The palette as Textual knows a theme: register it under its name with `App.register_theme`."""
    from textual.theme import Theme

    base = palette.colours
    if palette.ansi:
        base = Colours(**{key: f"ansi_{name}" for key, name in msgspec.structs.asdict(base).items()})
    native: dict[str, Any] = {"ansi": palette.ansi} if themes_are_native() else {}
    return Theme(
        name=palette.name,
        dark=palette.dark,
        **native,
        primary=base.accent,
        secondary=base.secondary,
        accent=base.accent,
        success=base.success,
        warning=base.warning,
        error=base.error,
        foreground=base.text,
        background=base.ground,
        surface=base.surface,
        panel=base.panel,
        variables=_variables(base)
        | (_ANSI_ATTRIBUTES if palette.ansi else {"block-cursor-background": cursor_ground(base)}),
    )


def themes_are_native() -> bool:
    """A theme can ask for the terminal's own colours; in Textual before 8.2.5 only the app can."""
    from textual.theme import Theme

    return "ansi" in Theme.__dataclass_fields__


_ANSI_ATTRIBUTES = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "block-cursor-text-style": "reverse",
    "block-cursor-blurred-text-style": "bold underline",
    "input-cursor-text-style": "reverse",
    "input-selection-text-style": "reverse",
}
"""No ground of a terminal's own palette is sure to bear its text: reversing always is."""


def _variables(base: Colours) -> dict[str, str]:
    """Textual mixes these from the main colours (and rounds those), losing the contrast that the palette promises."""
    return {
        "primary": base.accent,
        "secondary": base.secondary,
        "accent": base.accent,
        "success": base.success,
        "warning": base.warning,
        "error": base.error,
        "foreground": base.text,
        "background": base.ground,
        "surface": base.surface,
        "panel": base.panel,
        "text": base.text,
        "text-muted": base.dim,
        "text-primary": base.accent,
        "text-accent": base.accent,
        "text-secondary": base.secondary,
        "text-success": base.success,
        "text-warning": base.warning,
        "text-error": base.error,
        "foreground-muted": base.dim,
        "border": base.accent,
        "border-blurred": base.border,
        "block-cursor-foreground": base.text,
        "block-cursor-background": base.selection,
        "block-cursor-text-style": "none",
        "block-cursor-blurred-foreground": base.text,
        "block-cursor-blurred-background": base.panel,
        "block-cursor-blurred-text-style": "none",
        "block-hover-background": base.panel,
        "scrollbar": base.border,
        "scrollbar-hover": base.dim,
        "scrollbar-active": base.accent,
        "scrollbar-background": base.surface,
        "scrollbar-background-hover": base.surface,
        "scrollbar-background-active": base.surface,
        "scrollbar-corner-color": base.surface,
        "footer-background": base.surface,
        "footer-description-foreground": base.dim,
        "input-cursor-background": base.text,
        "input-cursor-foreground": base.ground,
        "input-selection-background": base.selection,
        "input-selection-foreground": base.text,
        "input-selection-text-style": "none",
        "link-color": base.secondary,
        "link-color-hover": base.text,
        "link-background-hover": base.selection,
        "screen-selection-background": base.selection,
        "screen-selection-foreground": base.text,
    }


def ink(palette: Palette, *, hyperlinks: bool = False) -> Ink:
    """The palette as the chat pane writes with it; `hyperlinks`: the terminal can open links."""
    from rich.style import Style

    from chat_tui.tui.theme.ink import Ink

    base = palette.colours
    code = code_colours(palette)
    faint = palette.ansi or None

    def pen(colour: str, *, bold: bool | None = None, italic: bool | None = None) -> Style:
        return Style(color=colour, bold=bold, italic=italic)

    def dim(*, italic: bool | None = None) -> Style:
        return Style(color=base.dim, dim=faint, italic=italic)

    return Ink(
        ground=Style(color=base.text, bgcolor=base.ground),
        text=pen(base.text),
        dim=dim(),
        accent=pen(base.accent),
        user=pen(base.text),
        user_name=pen(base.user, bold=True),
        user_bar=pen(base.user),
        assistant_name=pen(base.accent, bold=True),
        assistant_bar=pen(base.accent),
        heading=pen(base.secondary, bold=True),
        heading_minor=pen(base.text, bold=True),
        strong=Style(bold=True),
        emphasis=Style(italic=True),
        strike=Style(strike=True),
        code=Style(color=code.string, bgcolor=base.code_ground),
        code_ground=Style(color=code.plain, bgcolor=base.code_ground),
        code_label=Style(color=code.comment, dim=faint),
        link=Style(color=base.secondary, underline=True),
        link_target=dim(),
        quote=dim(italic=True),
        quote_bar=pen(base.border),
        rule=pen(base.border),
        table_head=Style(bold=True),
        thinking=dim(italic=True),
        badge=dim(),
        warning=pen(base.warning),
        error=pen(base.error),
        found=Style(color=base.warning, bgcolor=base.ground, reverse=True, bold=True)
        if palette.ansi
        else Style(color=base.ground, bgcolor=base.warning, bold=True),
        selection=Style(reverse=True) if palette.ansi else Style(color=base.text, bgcolor=base.selection),
        hyperlinks=hyperlinks,
        code_tokens={
            name: Style(
                color=colour, dim=faint if name == "Comment" else None, bold=faint if name == "Keyword" else None
            )
            for name, colour in _code_tokens(code).items()
        },
    )


def _code_tokens(code: CodeColours) -> dict[str, str]:
    """Pygments token names to colours."""
    return {
        "Keyword": code.keyword,
        "Keyword.Type": code.type,
        "Name": code.name,
        "Name.Function": code.function,
        "Name.Class": code.type,
        "Name.Builtin": code.type,
        "Name.Exception": code.type,
        "Name.Decorator": code.function,
        "Name.Tag": code.keyword,
        "Name.Attribute": code.function,
        "Literal": code.number,
        "Literal.String": code.string,
        "Literal.Number": code.number,
        "Comment": code.comment,
        "Operator": code.operator,
        "Operator.Word": code.keyword,
        "Punctuation": code.operator,
        "Generic.Inserted": code.inserted,
        "Generic.Deleted": code.deleted,
        "Generic.Heading": code.function,
        "Generic.Subheading": code.function,
        "Generic.Output": code.comment,
        "Generic.Prompt": code.comment,
        "Error": code.plain,
    }
