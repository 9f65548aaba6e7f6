"""The command that adds a library is one that this environment has."""

from __future__ import annotations

import sys

from chat_tui.core.processes.install_command import install_command


def test_it_is_pips_or_without_pip_uvs() -> None:
    assert install_command("a>=1,<2", find=str) == f"{sys.executable} -m pip install 'a>=1,<2'"
    assert install_command("a>=1,<2", find=lambda name: None) == f"uv pip install --python {sys.executable} 'a>=1,<2'"


def test_several_libraries_are_one_command() -> None:
    assert install_command("a>=1", "b", find=str) == f"{sys.executable} -m pip install 'a>=1' b"
