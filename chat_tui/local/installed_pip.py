"""Where pip is: in this environment, or as the wheel that Python itself brings to make environments with."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path


def find_pip(
    *, find: Callable[[str], object] = find_spec, folders: Sequence[Path] | None = None
) -> tuple[str, ...] | None:
    """Return the folders or wheels to add to the search path so that `pip` can be imported; None if there is no pip.

    uv makes environments without pip. `find` returns None for a module that is not installed; `folders` may hold pip's
    wheel.
    """
    if find("pip") is not None:
        return ()
    wheels = sorted(wheel for folder in folders or _wheel_folders() for wheel in folder.glob("pip-*.whl"))
    return (str(wheels[-1]),) if wheels else None


def _wheel_folders() -> tuple[Path, ...]:
    """Return where Python keeps pip's wheel; distributions have a folder of their own for it."""
    own = sysconfig.get_config_var("WHEEL_PKG_DIR")
    bundled = Path(sysconfig.get_path("stdlib")) / "ensurepip" / "_bundled"
    return (bundled, Path(own)) if own else (bundled,)
