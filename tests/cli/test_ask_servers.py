"""What servers in the wild send, through `chat-tui ask --json` in a process of its own."""

from __future__ import annotations

import json

import pytest

from tests.wire.home import Home, as_promised
from tests.wire.raw_server import RawServer, chunked, event, saying

HELLO, WORLD, DONE = event("Hel"), event("lo"), b"data: [DONE]\n\n"
NULL = b'data: {"choices":[{"index":0,"delta":{"content":null}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
SEVERAL = b'data: {"choices":[{"index":0,\ndata: "delta":{"content":"lo"}}]}\n\n'
PLAIN = json.dumps({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}).encode()

ROWS = {
    "comments": b": keep-alive\n\n" + HELLO + b": keep-alive\n\n" + WORLD + DONE,
    "crlf": (HELLO + WORLD + DONE).replace(b"\n", b"\r\n"),
    "cr": (HELLO + WORLD + DONE).replace(b"\n", b"\r"),
    "several data lines": HELLO + SEVERAL + DONE,
    "bom": b"\xef\xbb\xbf" + HELLO + WORLD + DONE,
    "blanks behind done": HELLO + WORLD + b"data: [DONE]  \n\n",
    "usage without choices": HELLO + WORLD + USAGE + DONE,
    "null content": NULL + HELLO + NULL + WORLD + DONE,
    "one malformed event": HELLO + b"data: {no json\n\n" + WORLD + DONE,
    "a plain body": PLAIN,
}


@pytest.mark.parametrize("row", ROWS)
async def test_what_the_wild_sends_is_borne(home: Home, row: str) -> None:
    async with RawServer(saying(chunked(ROWS[row]))) as server:
        home.serve(server.base_url, "tiny")
        ran = await home.run("ask", "--json", "--no-save", "hello")
    assert ran.code == 0
    as_promised(ran)
    assert "".join(chunk["token"] for chunk in ran.chunks if chunk["type"] == "token") == "Hello"
    assert ran.chunks[-1]["state"] == "complete"
