"""The key bindings that a widget runs by itself, before its keys go up to the app."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import BindingsMap, Keymap


class WidgetKeys:
    """Bindings with the user's keymap applied; as quick as a look into a dictionary."""

    def __init__(self, bindings: BindingsMap) -> None:
        self._bindings = bindings
        self._keymap: Keymap | None = None
        self._actions: dict[str, list[str]] = {}

    def actions(self, key: str, keymap: Keymap) -> Sequence[str]:
        """Return the actions of a key, the first to be tried first; `keymap` is the app's, which is a new object after
        each change."""
        if self._keymap is not keymap:
            self._keymap, self._actions = keymap, self._apply(keymap)
        return self._actions.get(key, ())

    def _apply(self, keymap: Keymap) -> dict[str, list[str]]:
        own: dict[str, list[str]] = {}
        moved: dict[str, list[str]] = {}
        for key, binding in self._bindings:
            if not binding.id or binding.id not in keymap:
                own.setdefault(key, []).append(binding.action)
                continue
            for fresh in keymap[binding.id].split(","):
                actions = moved.setdefault(fresh, [])
                if binding.action not in actions:
                    actions.append(binding.action)
        return {**own, **moved}
