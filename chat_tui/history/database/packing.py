"""Compresses the routes of answers. They are similar JSON records, so they share a dictionary."""

from __future__ import annotations

import zlib

import msgspec

from chat_tui.core.route import Route
from chat_tui.history.stored_text import clean_record

_LIMIT_BYTES = 4_000_000
"""Of a route's JSON; a damaged record could expand without limit."""

# What routes have in common, the most common last. Part of the stored format: it can never change.
_COMMON = (
    b'the strategy failed: the daily budget is spent: takes no images"the prompt does not fit: out of '
    b'chosen only by name"resting for seconds after: too many requests"RateLimited"Overloaded"Unreachable"TooSlow'
    b'","reason":"","at_seconds":0.0,"duration_seconds":0.0,"waited_seconds":0.0,"strategy":"","address":"http://'
    b'google/gemini-2.5-flash"mistral/mistral-small"deepseek/deepseek-chat"groq/llama-3.3-70b"ollama/qwen3:8b'
    b'openrouter/anthropic/claude-sonnet-4"openai/gpt-4o-mini"local/smollm2-135m'
    b'],"left_out":0,"seams":[],"others":[{"strategy":"quality-first","model":"","price":null},'
    b'{"strategy":"cost-optimized","model":"","price":0.00},{"strategy":"balanced","model":"","price":0.0},'
    b'{"strategy":"speed-priority","model":"{"strategy":"round-robin","model":"{"strategy":"least-loaded","model":"'
    b'{"strategy":"capability-match","model":"{"strategy":"learned","model":""}],"needs":"chat"}'
    b'],"tries":[{"model":"","attempt":1,"outcome":"answered'
    b'{"strategy":"balanced","candidates":[{"model":"","score":null,"scores":{},"out":"'
    b'"},{"model":"","score":0.,"scores":{"fit":0.0,"turn":1.0,"load":1.0,"learned":0.5},"out":""},'
    b'{"model":"","score":0.,"scores":{"quality":0.,"speed":0.,"cost":0.},"out":""},'
)


def pack_route(record: str) -> bytes:
    """Compress the JSON of a route."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS, zdict=_COMMON)
    return packer.compress(record.encode()) + packer.flush()


def unpack_route(record: bytes | str) -> Route | None:
    """The route of a stored record, which is plain JSON in older stores; None if it is damaged."""
    try:
        if isinstance(record, bytes):
            raw = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=_COMMON).decompress(record, _LIMIT_BYTES)
            record = raw.decode()
        return clean_record(msgspec.json.decode(record, type=Route), record)
    except (zlib.error, msgspec.MsgspecError, ValueError, RecursionError, TypeError):
        return None
