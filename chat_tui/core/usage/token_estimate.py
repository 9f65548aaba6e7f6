"""Estimates numbers of tokens without a tokenizer: rather too high, and marked `≈` wherever they are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from string import ascii_letters

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.tools import Tool

_PLAIN = (ascii_letters + "_ \t\n\r\x0b\x0c").encode()
"""Letters and spaces, several of which make one token."""
_FOREIGN = bytes(range(128, 256))
"""UTF-8 bytes of all other characters."""
_SAMPLE = 20_000
IMAGE_TOKENS = 1000
"""Estimated tokens of an image: providers count from a hundred to a few thousand, by its size."""
THINKING_TOKENS = 800
"""What a model that thinks writes before its answer to an ordinary question."""
NAME_TOKENS = 20
"""Estimated tokens of the name and the fence of a text attachment."""

TOOL_TOKENS = 8
"""Estimated tokens of the fields around a tool."""


@cache
def _wide() -> re.Pattern[str]:
    """Return the pattern of runs that are one or two tokens each. Compiled on first use: it takes as long as an
    import."""
    return re.compile(r"[⺀-鿿ꥠ-\ua97f가-퟿豈-﫿︰-﹏\U0001f000-\U0003ffff]+")


def estimate(text: str) -> int:
    """Estimate the tokens of a text. Long texts are sampled, so it takes about a millisecond at most."""
    if not text:
        return 0
    if len(text) > _SAMPLE:
        third = _SAMPLE // 3
        middle = len(text) // 2
        sample = text[:third] + text[middle : middle + third] + text[-third:]
        return round(estimate(sample) * len(text) / len(sample))
    if text.isascii():
        odd = len(text.encode().translate(None, _PLAIN))
        return int((len(text) - odd) / 4.2 + odd * 0.8) + 1
    raw = text.encode("utf-8", "surrogatepass")
    ascii_part = raw.translate(None, _FOREIGN)
    foreign = len(text) - len(ascii_part)
    # Wide characters take three bytes or more: most scripts need no further look.
    wide = sum(map(len, _wide().findall(text))) if len(raw) > len(text) + foreign else 0
    odd = foreign + len(ascii_part.translate(None, _PLAIN)) - wide
    return int((len(text) - wide - odd) / 3.5 + wide * 1.6 + odd * 0.8) + 1


def attachment_tokens(attachment: Attachment) -> int:
    """Estimate the tokens of a file as it is sent; if only its size is known, it is assumed to be English."""
    if attachment.is_image:
        return IMAGE_TOKENS
    size = max(attachment.size_bytes, len(attachment.content))
    looked_at = attachment.content[:_SAMPLE]
    if not looked_at:
        return size // 4 + NAME_TOKENS
    return round(estimate(looked_at.decode("utf-8", "replace")) * size / len(looked_at)) + NAME_TOKENS


def tool_tokens(tools: Sequence[Tool]) -> int:
    """Estimate the tokens of a list of tools as it is sent."""
    if not tools:
        return 0
    return estimate(msgspec.json.encode(tools).decode()) + TOOL_TOKENS * len(tools)


def memory_tokens(memory: MemoryText) -> int:
    """Estimate the tokens of a part of the memory, with the words that tell a model what it is."""
    return estimate(memory.prompt())


def estimate_streamed(chunks: int, characters: int, sample: str) -> int:
    """Estimate the tokens in a number of chunks with a number of characters; `sample` is the beginning of the text."""
    if not sample:
        return 0
    estimated = characters * estimate(sample) / len(sample)
    # A chunk of about a token's length is taken for one token: what llama.cpp and most servers send.
    if chunks > 1 and 0.6 * chunks <= estimated <= 1.7 * chunks:
        return chunks
    return max(1, round(estimated))
