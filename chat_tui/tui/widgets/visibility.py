"""Whether the user can see a widget."""

from __future__ import annotations

from textual.widget import Widget


def is_in_sight(widget: Widget) -> bool:
    """Whether nothing hides a widget as a whole: neither another tab nor a screen that lets nothing through."""
    stack, screen = widget.app.screen_stack, widget.screen
    above = stack[stack.index(screen) + 1 :] if screen in stack else []
    return all(other.is_modal for other in above) and all(
        node.display for node in widget.ancestors_with_self if isinstance(node, Widget)
    )
