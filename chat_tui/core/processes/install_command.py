"""The command that adds libraries to the environment in which this program runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from importlib.util import find_spec


def install_command(*requirements: str, find: Callable[[str], object] = find_spec) -> str:
    """Return the command, for pip or, in an environment without it, for uv; it is to be run in a shell.

    `find` returns None for a module that is not installed.
    """
    python, quoted = shlex.quote(sys.executable), shlex.join(requirements)
    if find("pip") is None:
        return f"uv pip install --python {python} {quoted}"
    return f"{python} -m pip install {quoted}"
