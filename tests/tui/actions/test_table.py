"""The table of actions: each row can be found, and each slash command has what carries it out."""

from __future__ import annotations

import chat_tui.tui.chat.commands.command_line  # noqa: F401  It registers the commands.
from chat_tui.tui.actions import slash_commands
from chat_tui.tui.actions.action import split_words
from chat_tui.tui.actions.table import BY_ID, TABLE
from chat_tui.tui.chat.screen import command_palette


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(TABLE)


def test_names_are_short_and_unique_in_the_palette() -> None:
    names = [row.name for row in TABLE if command_palette.is_listed(row)]
    assert len(set(names)) == len(names)
    assert not [row.name for row in TABLE if not 1 <= len(row.name.split()) <= 7 or not row.name[0].isupper()]


def test_help_is_one_line_that_begins_with_a_small_letter() -> None:
    assert not [row.id for row in TABLE if "\n" in row.help or row.help[:1] != row.help[:1].lower()]


def test_every_slash_command_is_in_the_table_with_a_handler() -> None:
    assert {row.command for row in TABLE if row.slash} == {known.name for known in slash_commands.commands()}


def test_no_slash_command_has_two_meanings() -> None:
    names = [name for row in TABLE for name in split_words(row.slash)]
    assert len(set(names)) == len(names)


def test_every_slash_command_is_in_the_palette() -> None:
    assert not [row.id for row in TABLE if row.slash and not command_palette.is_listed(row)]
