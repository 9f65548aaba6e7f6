"""One slash command."""

from __future__ import annotations

import msgspec


class SlashCommand(msgspec.Struct, frozen=True):
    """The name of a slash command, and what faces say about it."""

    name: str
    """What follows the slash."""
    help: str
    """One line that begins with a small letter."""
    argument: str = ""
    """What may follow the name, as the help shows it; empty: nothing."""
    aliases: tuple[str, ...] = ()
    """Other names of the same command."""

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its aliases."""
        return (self.name, *self.aliases)

    @property
    def usage(self) -> str:
        """The command with its argument, such as `/attach FILE`."""
        return f"/{self.name} {self.argument}".rstrip()
