"""The ways to more models, as the welcome, the list of models and `/provider` offer them."""

from __future__ import annotations

from typing import NamedTuple


class SourceWay(NamedTuple):
    """One way; `/provider` followed by its name takes it."""

    name: str
    title: str
    help: str

    @property
    def command(self) -> str:
        """What is typed for it."""
        return f"/provider {self.name}"


WAYS = (
    SourceWay("add", "Add a provider", "paste an API key"),
    SourceWay("server", "Add a server", "by its address"),
    SourceWay("local", "Get a better local model", "runs on this machine"),
)
