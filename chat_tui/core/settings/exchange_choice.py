"""`/context NUMBER include|exclude|auto`: what a person decides about an exchange of a conversation."""

from __future__ import annotations

from typing import NamedTuple

from chat_tui.core.context import Context, Exchange
from chat_tui.core.errors import CommandError
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten

_CHOICES = {"include": True, "exclude": False, "auto": None}


class ExchangeChoice(NamedTuple):
    """Whether an exchange is sent with later questions."""

    exchange: Exchange
    kept: bool | None
    """True: always; False: never; None: if it fits."""
    told: str
    """The choice in words."""


def parse_choice(typed: str, context: Context) -> ExchangeChoice:
    """Parse the number of an exchange, from 1, and the choice. Raises `CommandError`."""
    number, _, word = typed.partition(" ")
    word = word.strip().casefold()
    if not number.isdecimal() or word not in _CHOICES:
        raise CommandError(
            f"{shorten(typed, 40)} does not say which exchange is included or excluded.",
            "For example: /context 2 exclude",
        )
    # A summary has no number.
    exchanges = [exchange for exchange in context.exchanges if not exchange.is_summary]
    place = int(number[:9]) - 1
    if not 0 <= place < len(exchanges):
        raise CommandError(
            f"There is no exchange {place + 1}.", f"This conversation has {count_of(len(exchanges), 'exchange')}."
        )
    told = {"include": "always sent", "exclude": "not sent", "auto": "sent if it fits"}[word]
    return ExchangeChoice(exchanges[place], _CHOICES[word], f"exchange {place + 1} is {told}")
