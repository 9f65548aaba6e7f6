"""Whether a terminal can be given links to click (OSC 8), as far as its environment tells."""

from __future__ import annotations

import os
from collections.abc import Mapping

_WITHOUT = ("dumb", "linux", "eterm", "vt", "cons", "sun")
"""Beginnings of `TERM` of terminals without."""
_OLDEST_VTE = 5000
"""`VTE_VERSION` from which on GNOME's terminals do not show the address as text."""


def supports_hyperlinks(environment: Mapping[str, str] = os.environ) -> bool:
    """False where links are ignored or disturb the screen; other terminals that do not know them ignore them."""
    term = environment.get("TERM", "")
    vte = environment.get("VTE_VERSION", "")
    if not term or term.startswith(_WITHOUT) or environment.get("TERM_PROGRAM") == "Apple_Terminal":
        return False
    return not (vte.isdecimal() and int(vte[:9]) < _OLDEST_VTE)
