"""Whatever is configured as a credential is kept out of everything that a server says."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core import errors
from chat_tui.core.chunks import Chunk, End, Metadata, Token
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.core.text.redaction import MARK, Credential, Redactor, StreamRedactor
from chat_tui.providers.credentials.config_credentials import credentials_of
from chat_tui.providers.endpoint import Endpoint
from chat_tui.providers.http.echo_filter import EchoFilter, EchoPatterns
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import text_of
from tests.wire.home import Home
from tests.wire.raw_server import DONE, Answer, Asked, RawServer, chunked, event, saying, whole

BASIC = base64.b64encode(b"carol:open-sesame-4").decode()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


def redacted(provider: Provider, text: str, key: str = "") -> str:
    return Redactor(credentials_of(provider, key)).redact(text)


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        (Provider("box", headers={"X-Secret": "hunter22"}), "x-secret: hunter22"),
        (Provider("box", headers={"X-Secret": "pw1"}), '{"X-Secret": "pw1"}'),
        (Provider("box", headers={"X-Secret": "s3cr"}), "you sent s3cr, which is wrong"),
        (Provider("box", headers={"Cookie": "session=abcdefgh; team=blue"}), "cookie abcdefgh"),
        (Provider("box", headers={"Authorization": f"Basic {BASIC}"}), f"Basic {BASIC}"),
        (Provider("box", headers={"Authorization": f"Basic {BASIC}"}), "password open-sesame-4"),
        (Provider("box", headers={"Authorization": "Token pw12"}), "token=pw12"),
        (Provider("box", headers={"Proxy-Authorization": "Digest 0a4f113b"}), "got 0a4f113b"),
        (Provider("box", base_url="http://user:pw@host/v1"), "http://user:pw@host/v1/models"),
        (Provider("box", base_url="http://user:pw@host/v1"), "Authorization: Basic dXNlcjpwdw=="),
        (Provider("box", base_url="http://user:pw@host/v1"), '{"user": "user", "password": "pw"}'),
        (Provider("box", base_url="http://u:p%40ss%2Fword1@host"), "p@ss/word1"),
        (Provider("box", base_url="http://u:p%40ss%2Fword1@host"), "p%40ss%2Fword1"),
        (Provider("box", base_url="https://sk_live_1234567@host"), "sk_live_1234567"),
        (Provider("box", base_urls=("http://a", "http://u:open-sesame@b")), "u:open-sesame@b"),
        (Provider("box", base_url="https://host/v1?key=abcd1234&api-version=1"), "/v1?key=abcd1234"),
        (Provider("box", proxy="http://u:pw123@proxy:3128"), "u:pw123@proxy"),
        (Provider("box", headers={"X-Key": 'ab"cd\\efgh'}), json.dumps({"x-key": 'ab"cd\\efgh'})),
        (Provider("box", headers={"X-Key": "AbCdEfGh12"}), "x-key abcdefgh12"),
        (Provider("box", headers={"X-Key": "AbCdEfGh12345678"}), "starts with AbCdEfGh1…"),
    ],
)
def test_a_credential_is_kept_out_in_every_form_in_which_it_is_repeated(provider: Provider, said: str) -> None:
    told = redacted(provider, said)
    assert MARK in told
    for secret in (
        "hunter22",
        "pw1",
        "s3cr",
        BASIC,
        "open-sesame",
        "dXNlcjpwdw",
        ":pw",
        '"pw"',
        "ss/word1",
        "ss%2Fword",
    ):
        assert secret not in told
    for secret in ("sk_live", "abcd1234", "0a4f113b", "abcdefgh", "AbCdEfGh", "efgh"):
        assert secret not in told


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        (Provider("box", headers={"X-Version": "1"}), "The model takes 1 image and 11 files (HTTP/1.1 400)"),
        (Provider("box", headers={"X-Mode": "on"}), "based on one of them"),
        (Provider("box", headers={"Content-Type": "application/json"}), "wants application/json"),
        (Provider("box", headers={"Authorization": "Bearer abc12345"}), "The bearer is late; Basic is not known"),
        (Provider("ollama", headers={"Authorization": "Bearer ollama"}), "ollama cannot answer now"),
        (Provider("box", base_url="https://host/v1?api-version=2024-10-21"), "api-version 2024-10-21 is old"),
        (Provider("box", base_url="https://me:pw@host/v1"), "some pwd was there, meaning the password"),
    ],
)
def test_words_and_numbers_that_happen_to_be_configured_stay(provider: Provider, said: str) -> None:
    assert redacted(provider, said) == said


@pytest.mark.parametrize(
    "said", ["Bearer ab1", '{"x-api-key": "ab1"}', "api_key=ab1", "('Authorization', 'Bearer ab1')"]
)
def test_a_short_key_is_kept_out_behind_its_label_only(said: str) -> None:
    assert "ab1" not in redacted(Provider("box"), said, "ab1")
    assert redacted(Provider("box"), "the grab1 of ab1 fails", "ab1") == "the grab1 of ab1 fails"


def test_a_placeholder_in_the_place_of_a_key_is_no_secret() -> None:
    assert redacted(Provider("ollama"), "ollama cannot answer now (500)", "ollama") == "ollama cannot answer now (500)"
    assert redacted(Provider("box"), "the list is empty", "EMPTY") == "the list is empty"


def test_an_address_in_any_text_loses_its_password() -> None:
    told = Redactor().redact("GET https://bob:open-sesame@mirror/simple/ failed, mail bob@mirror")
    assert told == f"GET https://{MARK}@mirror/simple/ failed, mail bob@mirror"


def test_a_proxy_that_the_environment_names_has_its_password_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://dave:open-sesame@proxy:8080")
    assert "sesame" not in redacted(Provider("box"), "407 from dave:open-sesame@proxy")


def test_no_record_shows_credentials_in_a_traceback() -> None:
    provider = Provider("box", base_url="http://u:hunter2@h", headers={"X": "hunter2"}, proxy="http://u:hunter2@h")
    assert "hunter2" not in f"{provider!r} {Endpoint(provider, 'hunter2')!r} {list(credentials_of(provider))!r}"


@given(st.from_regex(r"[a-z]{3}[0-9]{3}[A-Za-z0-9_\-]{4,40}", fullmatch=True), st.lists(st.integers(1, 12), min_size=1))
def test_a_credential_in_a_streamed_text_shows_none_of_its_characters(key: str, sizes: list[int]) -> None:
    text, at, told = f"It is {key}, you see: {key}.", 0, ""
    redactor = StreamRedactor([Credential(key)])
    for size in [*sizes, len(text)]:
        told += redactor.feed(text[at : at + size])
        at += size
    assert told + redactor.rest() == f"It is {MARK}, you see: {MARK}."


@given(st.integers(1, 40))
def test_what_may_become_a_credential_is_held_only_until_it_is_known(size: int) -> None:
    key = "sk-proj-0123456789"
    redactor = StreamRedactor([Credential(key)])
    text = f"tasks, sk-pro and sk-proj are no keys, {key[:7]}"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    told = [redactor.feed(piece) for piece in pieces]
    assert len("".join(told)) >= len(text) - 7
    assert "".join([*told, redactor.rest()]) == text
    assert redactor.rest() == ""


def test_the_end_of_an_ordinary_word_is_not_held() -> None:
    redactor = StreamRedactor([Credential("lock-0123456789")])
    assert [redactor.feed(piece) for piece in ("Hel", "lo", " f", "lo", "c")] == ["Hel", "lo", " f", "lo", "c"]
    assert redactor.feed("k-0,") == "k-0,"
    # Within a word it is found all the same.
    assert "".join(map(redactor.feed, "xlock-0123456789.")) == f"xloc{MARK}."


def test_a_credential_that_is_echoed_letter_by_letter_is_not_shown() -> None:
    line = Endpoint(Provider("box"), "sk-proj-0123456789")
    echoes = EchoFilter(EchoPatterns(line))
    chunks: list[Chunk] = []
    for kind, text in (("thinking", "Keys begin with sk-"), ("text", "It is sk-proj-0123456789. Yes"), ("text", " s")):
        chunks += [each for letter in text for each in echoes.filter([Token(letter, kind)])]  # type: ignore[arg-type]
    chunks += echoes.filter([End()])
    said = {
        kind: "".join(chunk.token for chunk in chunks if isinstance(chunk, Token) and chunk.kind == kind)
        for kind in ("thinking", "text")
    }
    assert said == {"thinking": "Keys begin with sk-", "text": f"It is {MARK}. Yes s"}
    assert isinstance(chunks[-1], End)
    # A word that takes characters back finds all of them given out.
    echoes.filter([Token("a task, sk")])
    told = echoes.filter([Metadata("reclassified", kind="thinking", characters=5)])
    assert [type(chunk) for chunk in told] == [Token, Metadata]
    # So does a line that breaks.
    echoes.filter([Token("tasks sk-pro")])
    assert echoes.rest() == [Token("sk-pro")]
    assert echoes.rest() == []


@given(
    st.lists(
        st.lists(
            st.sampled_from(["sk-proj-0123456789", "SK-PROJ-0123456789", "sk-", "pro", "j-012", "a ", "İ", "s", ""])
        )
    )
)
def test_tokens_that_come_together_are_searched_as_if_each_came_alone(bursts: list[list[str]]) -> None:
    patterns = EchoPatterns(Endpoint(Provider("box"), "sk-proj-0123456789"))
    together, alone = EchoFilter(patterns), EchoFilter(patterns)
    told: list[Chunk] = []
    one_by_one: list[Chunk] = []
    for burst in bursts:
        told += together.filter([Token(text) for text in burst])
        one_by_one += [each for text in burst for each in alone.filter([Token(text)])]
    said, expected = (
        "".join(chunk.token for chunk in (*chunks, *echoes.rest()) if isinstance(chunk, Token))
        for chunks, echoes in ((told, together), (one_by_one, alone))
    )
    assert said == expected


@given(st.lists(st.text(max_size=9)))
def test_a_streamed_text_without_credentials_stays_as_it_is(pieces: list[str]) -> None:
    redactor = StreamRedactor([Credential("sk-proj-0123456789"), Credential("engineering"), Credential("1")])
    assert "".join([*map(redactor.feed, pieces), redactor.rest()]) == "".join(pieces)
    assert redactor.feed("the engineering team has 1 member") == "the engineering team has 1 member"


@pytest.mark.parametrize("said", ["Basic Y2FybG86cGFzcw==", "http://carlo:pass@host", "X-Secret: Zq7hunter"])
def test_a_streamed_text_loses_what_no_ordinary_text_contains(said: str) -> None:
    provider = Provider(
        "box", base_url="http://carlo:pass@host", headers={"X-Secret": "Zq7hunter", "X-Team": "surgery"}
    )
    redactor = StreamRedactor(credentials_of(provider))
    assert MARK in redactor.feed(said)
    assert (
        redactor.feed(" carlo asks the surgery department for a pass") + redactor.rest()
        == " carlo asks the surgery department for a pass"
    )


# -- over the wire -----------------------------------------------------------------------------------------------------

SECRETS = ("hunter22-secret", "open-sesame-4", BASIC, "pw", "key-7f3a9c", "dXNlcjpwdw")


def echoing(status: str) -> Answer:
    """Repeats the request's line and headers as an error's words."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        usual = ("host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length")
        said = " ".join(f"{name}: {value}" for name, value in asked.headers.items() if name not in usual)
        writer.write(whole(json.dumps({"error": {"message": f"{said} {asked.line}"}}).encode(), status))

    return answer


async def asked(
    transport: Transport, provider: Provider, key: str = ""
) -> tuple[list[Chunk], errors.ProviderError | None]:
    chunks: list[Chunk] = []
    try:
        async with aclosing(transport.stream(Endpoint(provider, key), Model("box/m"), Request(prompt="hi"))) as bursts:
            async for burst in bursts:
                chunks += burst
    except errors.ProviderError as error:
        return chunks, error
    return chunks, None


@pytest.mark.parametrize("status", ["400 No", "401 No", "403 No", "404 No", "429 No", "500 No", "503 No", "200 OK"])
async def test_headers_that_a_server_repeats_in_an_error_are_kept_out(transport: Transport, status: str) -> None:
    async with RawServer(echoing(status)) as server:
        headers = {"X-Secret": "hunter22-secret", "Authorization": f"Basic {BASIC}"}
        _, error = await asked(transport, Provider("box", base_url=server.base_url, headers=headers))
        assert error is not None
        assert not any(secret in f"{error!r} {error}" for secret in SECRETS)
        at = server.base_url.replace("http://", "http://user:pw@")
        _, error = await asked(transport, Provider("box", base_url=f"{at}?key=key-7f3a9c"))
        assert error is not None
        assert not any(secret in f"{error!r} {error}" for secret in SECRETS)
        if status == "200 OK":
            return
        with pytest.raises(errors.ProviderError) as caught:
            await transport.list_models(Provider("box", base_url=server.base_url, headers=headers), "")
        assert not any(secret in f"{caught.value!r} {caught.value}" for secret in SECRETS)


async def test_a_key_that_a_server_repeats_in_its_answer_is_kept_out(transport: Transport) -> None:
    stream = chunked(event("You sent key-7f3a9c-long"), event(", di"), event("d you?"), event(None, "stop"), DONE)
    async with RawServer(saying(stream)) as server:
        chunks, error = await asked(transport, Provider("box", base_url=server.base_url), "key-7f3a9c-long")
    assert error is None
    assert text_of(chunks) == f"You sent {MARK}, did you?"


async def test_a_key_that_a_server_repeats_in_what_it_tells_of_its_answer_is_kept_out(transport: Transport) -> None:
    shell = {"id": "c", "model": "m-key-7f3a9c-long"}
    call = {"index": 0, "id": "1", "function": {"name": "key-7f3a9c-long", "arguments": "{}"}}
    events = (
        {**shell, "choices": [{"index": 0, "delta": {"content": "Hi.", "tool_calls": [call]}}]},
        {**shell, "choices": [{"index": 0, "delta": {}, "finish_reason": "no more for key-7f3a9c-long"}]},
    )
    stream = chunked(*(f"data: {json.dumps(each)}\n\n".encode() for each in events), DONE)
    async with RawServer(saying(stream)) as server:
        chunks, error = await asked(transport, Provider("box", base_url=server.base_url), "key-7f3a9c-long")
    assert error is None
    assert "key-7f3a9c" not in repr(chunks)
    assert isinstance(chunks[-1], End)
    assert (chunks[-1].served_model, chunks[-1].finish_reason) == (f"m-{MARK}", f"no more for {MARK}")


async def test_where_a_server_has_moved_is_told_without_credentials(transport: Transport) -> None:
    elsewhere = f"location: https://elsewhere.invalid/{quote('open-sesame-4')}/v1"
    async with RawServer(saying(whole(b"", "301 Moved", "text/plain", elsewhere))) as server:
        provider = Provider("box", base_url=server.base_url, headers={"Authorization": f"Basic {BASIC}"})
        _, error = await asked(transport, provider)
    assert error is not None
    assert "open-sesame" not in error.title


async def test_ask_shows_stores_and_exports_no_credential(home: Home) -> None:
    async with RawServer(echoing("500 No")) as server:
        home.config.write_text(
            "[error_handling]\nretry_attempts = 1\n"
            f'[[providers]]\nname = "box"\nbase_url = "{server.base_url}"\nmodels = ["m"]\nproxy = "none"\n'
            f'headers = {{ X-Secret = "hunter22-secret", Authorization = "Basic {BASIC}" }}\n'
            '[[providers]]\nname = "tub"\nmodels = ["m"]\n'
            f'base_url = "{server.base_url.replace("http://", "http://user:open-sesame-4@")}?key=key-7f3a9c"\n'
        )
        for options in ((), ("--json",)):
            for model in ("box/m", "tub/m"):
                ran = await home.run("ask", *options, "--model", model, "hello")
                assert ran.code == 1
                assert b"x-" in ran.out + ran.err or b"authorization" in ran.out + ran.err
                assert not any(secret.encode() in ran.out + ran.err for secret in SECRETS if len(secret) > 2)
    exported = await home.run("history", "export", "--all", "--format", "json")
    listed = await home.run("models", "list")
    assert exported.out
    for text in (home.store.read_bytes(), exported.out, exported.err, listed.out, listed.err):
        assert not any(secret.encode() in text for secret in SECRETS if len(secret) > 2)
