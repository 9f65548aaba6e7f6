"""Bytes and texts that nobody chose: nothing crashes, nothing is lost, and no cut makes a difference."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Metadata
from chat_tui.core.errors import Garbled, ProviderError
from chat_tui.core.models import Provider
from chat_tui.core.text.control_characters import StreamCleaner, clean
from chat_tui.core.text.redaction import Credential, Redactor
from chat_tui.providers.dialects.openai_chat import OpenAiParser
from chat_tui.providers.dialects.parsing.retry_after import retry_after
from chat_tui.providers.dialects.parsing.thinking_tags import ThinkingTags
from chat_tui.providers.discovery.model_list import models_of
from chat_tui.providers.http import framing
from chat_tui.providers.http.framing import Decoder, JsonLinesDecoder, ServerEvent, SseDecoder
from chat_tui.providers.http.status_errors import ErrorContext, http_error

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

CUTS = st.lists(st.integers(0, 400), max_size=8)
_WIRE = """
    data: | data:_ | data | _ | : | x | event: error | error: { | id: 1 | [DONE] | {"choices":[]}
"""
WIRE = st.lists(
    st.sampled_from([word.strip().replace("_", " ").encode() for word in _WIRE.split("|")])
    | st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x85", b"\0", b"\x0b\x0c"])
    | st.binary(max_size=6),
    max_size=40,
).map(b"".join)
TAGGED = st.lists(
    st.sampled_from(["<think>", "</think>", "<thinking>", "</thinking>", "<th", "ink>", "<", ">", "\n", " ", "/", "a"])
    | st.text(max_size=4),
    max_size=14,
).map("".join)
HOSTILE = st.lists(
    st.sampled_from(["\x1b", "[", "]", "\x9b", "\x9d", "\x90", "\x9c", "\x07", "\\", "31m", "52;c;", "?25l", "\x7f"])
    | st.sampled_from(["\x1b]0;t", "\x1b\\", "\x1b[2J", "\x1bP", "\x1b(B", "\x1bc", "\u202e", "\ud83d", "\ude00", "👋"])
    | st.sampled_from(["\r", "\n", "\t", " ", "\u2028"])
    | st.text(max_size=4),
    max_size=16,
).map("".join)


def _cut(whole: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({at for at in cuts if at < len(whole)} | {0, len(whole)})
    return [whole[a:b] for a, b in pairwise(places)]


def _cut_text(whole: str, cuts: Sequence[int]) -> list[str]:
    places = sorted({at for at in cuts if at < len(whole)} | {0, len(whole)})
    return [whole[a:b] for a, b in pairwise(places)]


def _events(decoder: Decoder, pieces: Sequence[bytes]) -> list[ServerEvent]:
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


@pytest.mark.parametrize("decoder", [SseDecoder, JsonLinesDecoder])
@given(WIRE, CUTS)
@example(b"\xef\xbb\xbfdata: 1\r\n\r\n", [1, 2, 11, 12])
@example(b"data: 1\r\r\ndata: 2", [8, 9])
def test_no_cut_of_the_bytes_changes_their_events(
    decoder: Callable[[], Decoder], whole: bytes, cuts: list[int]
) -> None:
    events = _events(decoder(), [whole] if whole else [])
    assert _events(decoder(), _cut(whole, cuts)) == events
    assert _events(decoder(), [whole[at : at + 1] for at in range(len(whole))]) == events


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)))
def test_what_is_sent_as_events_comes_out_as_sent(texts: list[str]) -> None:
    wire = b"".join(b"data: " + text.encode() + b"\n\n" for text in texts)
    assert [event.data.decode() for event in _events(SseDecoder(), [wire])] == texts


def test_a_line_without_end_and_an_event_without_end_are_refused() -> None:
    piece = b"x" * (1024 * 1024)
    for first, more in ((b"data: ", piece), (b"data: \n", b"data: " + piece + b"\n")):
        decoder = SseDecoder()
        decoder.feed(first)
        with pytest.raises(Garbled, match="64 MB"):
            _events(decoder, [more] * (framing.LINE_LIMIT // len(piece) + 1))


@given(WIRE)
def test_no_bytes_break_the_reading(whole: bytes) -> None:
    reading = OpenAiParser()
    told = ""
    try:
        for event in _events(SseDecoder(), [whole]):
            reading.feed(event.data, event.name)
        reading.close()
    except ProviderError as error:
        told = str(error)
    assert not CONTROLS.search(told)


_FIELDS = """choices delta message content text type thinking reasoning error code usage index finish_reason
    prompt_tokens data id meta n_ctx detail msg"""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["text", "thinking"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_FIELDS.split()),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.integers(300, 599))
def test_no_json_breaks_the_reading(value: object, status: int) -> None:
    raw = json.dumps(value).encode()
    shapes = [raw, b'{"choices":[{"delta":%b,"finish_reason":%b}],"usage":%b}' % (raw, raw, raw), b'{"error":%b}' % raw]
    told = [str(http_error(status, {}, shape, ErrorContext("p", "m"))) for shape in shapes]
    for shape in shapes:
        for read in (OpenAiParser().feed, OpenAiParser().whole):
            try:
                read(shape)
            except ProviderError as error:
                told.append(str(error))
    assert not CONTROLS.search("".join(told))
    for listing in (value, {"data": value}, {"data": [value, {"id": "x", "context_length": value}]}):
        for model in models_of(Provider("p"), listing):
            assert not CONTROLS.search(model.name)


def test_json_of_any_depth_is_borne() -> None:
    deep = b"[" * 100_000
    parts = b'[{"text":' * 240 + b'"x"' + b"}]" * 240
    reading = OpenAiParser()
    assert reading.feed(deep)
    reading.feed(b'{"choices":[{"delta":{"content":%b}}]}' % parts)
    with pytest.raises(Garbled):
        reading.whole(deep)


# -- tags -------------------------------------------------------------------------------------------------------------


def _tagged(pieces: Sequence[str]) -> tuple[list[str], str, str]:
    """The tokens, and the text and the thinking that they are in the end."""
    tags = ThinkingTags()
    tokens, text, thinking = list[str](), "", ""
    for chunk in [part for piece in pieces for part in tags.feed(piece)] + list(tags.rest(natural=True)):
        if isinstance(chunk, Metadata):
            text, thinking = reclassify(text, thinking, chunk)
            continue
        assert chunk.token
        tokens.append(chunk.token)
        text, thinking = (text + chunk.token, thinking) if chunk.kind == "text" else (text, thinking + chunk.token)
    return tokens, text, thinking


def _bare(text: str) -> str:
    """Without marks and blanks."""
    while (left := re.sub(r"<\s?/?\s?think(?:ing)?\s?/?>|\s", "", text, flags=re.IGNORECASE)) != text:
        text = left
    return text


@given(TAGGED, CUTS)
@example("<think>\n\nhm\n</think>\n\nyes", [7, 8, 9, 12, 20, 21, 22])
@example(" " * 65 + "<think>a", [64, 65])
def test_no_cut_of_the_text_changes_what_is_thinking(whole: str, cuts: list[int]) -> None:
    told = _tagged([whole])[1:]
    assert _tagged(_cut_text(whole, cuts))[1:] == told
    assert _tagged(list(whole))[1:] == told


@given(TAGGED)
def test_no_text_is_lost_beside_the_tags(whole: str) -> None:
    tokens, text, thinking = _tagged([whole])
    assert len(text) + len(thinking) == len("".join(tokens))
    assert _bare("".join(tokens)) == _bare(whole)


# -- what reaches a terminal ------------------------------------------------------------------------------------------


@given(HOSTILE, CUTS)
@example("\x1b]0;t\ud83d\x1b\\", [6])
@example("\x1b]0;t\ud83d\ude00", [])
def test_no_cut_of_the_text_changes_what_is_cleaned(whole: str, cuts: list[int]) -> None:
    def cleaned(pieces: Sequence[str]) -> str:
        cleaner = StreamCleaner()
        return "".join(cleaner.feed(piece) for piece in pieces) + cleaner.rest()

    told = cleaned([whole])
    assert cleaned(_cut_text(whole, cuts)) == told
    assert cleaned(list(whole)) == told
    joined = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert told == clean(joined)


@given(HOSTILE | st.text())
def test_nothing_that_a_terminal_obeys_is_left(whole: str) -> None:
    told = clean(whole)
    assert not CONTROLS.search(told)
    assert told == clean(told)
    told.encode("utf-8")


# -- errors -----------------------------------------------------------------------------------------------------------


@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d{1,9} [A-Z][a-z]{2} \d{1,9} \d+:\d+:\d+ [+-]?\w*"))
def test_no_wish_to_wait_breaks_the_reading(value: str) -> None:
    wait = retry_after({"retry-after": value, "retry-after-ms": value}, datetime.now(UTC))
    assert wait is None or wait >= 0


def test_wishes_to_wait_are_read_in_all_their_forms() -> None:
    at = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
    assert retry_after({"retry-after": "2.5"}, at) == 2.5
    assert retry_after({"retry-after": "7", "retry-after-ms": "250"}, at) == 0.25
    assert retry_after({"retry-after": "Sun, 01 Nov 2026 12:00:30 GMT"}, at) == 30
    assert retry_after({"retry-after": "Sun, 01 Nov 2026 11:00:30 GMT"}, at) is None
    assert retry_after({"retry-after": "soon"}, at) is None
    assert retry_after({}, at) is None


@given(st.from_regex(r"[A-Za-z0-9_\-]{8,60}", fullmatch=True), st.text(max_size=40), st.integers(0, 20))
def test_no_eight_characters_of_a_key_are_left_in_a_text(key: str, around: str, cut: int) -> None:
    told = Redactor([Credential(key)]).redact(f"{around}{key[cut:]}{around}{key}")
    bare = told.replace("[key]", "\0")
    assert not any(key[at : at + 8] in bare for at in range(len(key) - 7))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Incorrect API key provided: sk-abcde***wxyz.", "Incorrect API key provided: [key]"),
        ("invalid x-api-key: abc123456", "invalid x-api-key: [key]"),
        ("Bearer abcd1234 is wrong", "Bearer [key] is wrong"),
        ("AIzaSyA12345678 not valid", "[key] not valid"),
        ("a sketchy skyscraper: no API key given", "a sketchy skyscraper: no API key given"),
        ("API key required", "API key required"),
    ],
)
def test_what_looks_like_a_key_is_blotted_out_and_words_are_not(text: str, told: str) -> None:
    assert Redactor().redact(text) == told
