"""Paths that begin with `~`, as a person writes them."""

from __future__ import annotations

import os
from pathlib import Path


def expand_home(path: str | Path) -> Path:
    """Return the path with the home folder for `~` and `~user`; one of an unknown user stays as it is."""
    return Path(os.path.expanduser(path))
