"""What `pip install .` brings is what everybody runs. The rest is in extras, which the page about the start lists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from chat_tui.cli.line import message_input
from chat_tui.cli.options import schema_option
from chat_tui.providers.credentials import keyring_library
from chat_tui.tools import sdk

ROOT = Path(__file__).parents[2]
BASE = {
    "anyio",
    "httpx",
    "markdown-it-py",
    "msgspec",
    "platformdirs",
    "prometheus-client",
    "pygments",
    "pypdf",
    "rich",
    "shtab",
    "starlette",
    "textual",
    "tomlkit",
    "truststore",
    "uvicorn",
    "websockets",
}
"""With what they require: 26 packages, 54 MB (`check_size` in `tests/smoke.py` measures it). Before you add one, ask
whether everybody runs it."""
FOR_DEVELOPERS = {"test", "training"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"])


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", each)[0].lower().replace("_", "-") for each in requirements}


def test_the_base_brings_only_what_everybody_runs(project: dict[str, Any]) -> None:
    assert names(project["dependencies"]) == BASE


def test_each_extra_is_explained_and_tested(project: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "start.md").read_text("utf-8")
    extras: dict[str, list[str]] = project["optional-dependencies"]
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert listed == set(extras) - FOR_DEVELOPERS
    for extra in listed:
        assert set(extras[extra]) <= set(extras["test"]), extra


@pytest.mark.parametrize(
    ("extra", "requirement"),
    [
        ("keyring", keyring_library.REQUIREMENT),
        ("line", message_input.REQUIREMENT),
        ("schema", schema_option.REQUIREMENT),
        ("tools", sdk.REQUIREMENT),
    ],
)
def test_the_command_that_is_told_installs_what_the_extra_does(
    project: dict[str, Any], extra: str, requirement: str
) -> None:
    assert project["optional-dependencies"][extra] == [requirement]
