"""An address may be written in any form: it means one server and one path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core.errors import Rejected
from chat_tui.core.models import Provider
from chat_tui.core.text.addresses import cleaned_address, host_of, is_loopback, ollama_address
from chat_tui.providers.endpoint import base_url_of, url_of

SAID = [
    # (dialect, what was written, where the dialect's paths begin)
    ("openai", "https://api.openai.com/v1", "https://api.openai.com/v1"),
    ("openai", "https://api.openai.com", "https://api.openai.com/v1"),
    ("openai", "https://api.openai.com/", "https://api.openai.com/v1"),
    ("openai", "api.openai.com", "https://api.openai.com/v1"),
    ("openai", "api.openai.com/v1", "https://api.openai.com/v1"),
    ("openai", "//api.openai.com/v1", "https://api.openai.com/v1"),
    ("openai", "HTTP://Host:8000/v1", "http://host:8000/v1"),
    ("openai", "HTTPS://api.openai.com/v1", "https://api.openai.com/v1"),
    ("openai", "http:/host:8000/v1", "http://host:8000/v1"),
    ("openai", "  http://host:8000/v1 \n", "http://host:8000/v1"),
    ("openai", "http://host:8000 /v1", "http://host:8000/v1"),
    ("openai", '"http://host:8000/v1"', "http://host:8000/v1"),
    ("openai", "'http://host:8000/v1'", "http://host:8000/v1"),
    ("openai", "<http://host:8000/v1>", "http://host:8000/v1"),
    ("openai", "\ufeffhttp://host:8000/v1\u200b", "http://host:8000/v1"),
    ("openai", "http://host:8000//v1//", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/v1", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/v1/", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/v1/v1/chat/completions", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/chat/completions", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/chat/completions/", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/chat/completions/chat/completions", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/completions", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/responses", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/embeddings", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/models", "http://host:8000/v1"),
    ("openai", "http://host:8000/chat/completions", "http://host:8000/v1"),
    ("openai", "https://gateway.example.com/team/llm", "https://gateway.example.com/team/llm"),
    ("openai", "https://gateway.example.com/team/llm/chat/completions", "https://gateway.example.com/team/llm"),
    ("openai", "https://host/api/paas/v4/", "https://host/api/paas/v4"),
    ("openai", "https://me.openai.azure.com/openai", "https://me.openai.azure.com/openai/v1"),
    ("openai", "https://api.deepinfra.com/v1/openai", "https://api.deepinfra.com/v1/openai"),
    ("openai", "localhost:8000", "http://localhost:8000/v1"),
    ("openai", "localhost:8000/v1", "http://localhost:8000/v1"),
    ("openai", "127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
    ("openai", "192.168.1.5/v1", "http://192.168.1.5/v1"),
    ("openai", "gpu-box", "http://gpu-box/v1"),
    ("openai", "gpu-box.local/v1", "http://gpu-box.local/v1"),
    ("openai", "gateway.example.com:8443/v1", "https://gateway.example.com:8443/v1"),
    ("openai", "gateway.example.com:4000/v1", "http://gateway.example.com:4000/v1"),
    ("openai", "http://0.0.0.0:8000/v1", "http://127.0.0.1:8000/v1"),
    ("openai", "0.0.0.0:8000", "http://127.0.0.1:8000/v1"),
    ("openai", "http://[::]:8000/v1", "http://[::1]:8000/v1"),
    ("openai", "[::1]:8000", "http://[::1]:8000/v1"),
    ("openai", "::1", "http://[::1]/v1"),
    ("openai", "http://::1/v1", "http://[::1]/v1"),
    ("openai", "http://user:p%40ss@host:8000/v1", "http://user:p%40ss@host:8000/v1"),
    ("openai", "user:pw@host:8000/v1", "http://user:pw@host:8000/v1"),
    ("openai", "http://host:8000/v1#readme", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1?api-version=1", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/chat", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/chat/?stream=true", "http://host:8000/v1"),
    ("openai", "http://host:8000/V1/Chat/Completions", "http://host:8000/V1"),
    ("openai", "http://host:8000/v1/completions?x=1", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/models?limit=3", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/models/gpt-4o", "http://host:8000/v1"),
    ("openai", "http://host:8000/v1/messages?beta=true", "http://host:8000/v1"),
    ("openai", "http://host:11434/api/chat", "http://host:11434/v1"),
    ("openai", "http://host:11434/api/generate?x", "http://host:11434/v1"),
    ("openai", "http://host:11434/api/tags/", "http://host:11434/v1"),
    ("openai", "http://host:8000/v1?", "http://host:8000/v1"),
    ("openai", "http://host:8000?", "http://host:8000/v1"),
    ("openai", "https://host/api/chat/completions", "https://host/api"),
    ("openai", "https://host/chat", "https://host/chat"),
    ("openai", "https://host/models/team/v1", "https://host/models/team/v1"),
    ("anthropic", "http://host:4000/v1/chat/completions", "http://host:4000/v1"),
    ("anthropic", "http://host:4000/v1/chat", "http://host:4000/v1"),
    ("anthropic", "http://host:11434/api/chat", "http://host:11434/v1"),
    ("gemini", "http://host:4000/v1beta/models/gemini-pro?key=x", "http://host:4000/v1beta"),
    ("ollama", "http://host:11434/v1/chat", "http://host:11434"),
    ("ollama", "http://host:11434/v1/completions", "http://host:11434"),
    ("ollama", "http://host:11434/v1/models?x", "http://host:11434"),
    ("ollama", "http://host:11434/api/chat?x=1", "http://host:11434"),
    ("ollama", "http://host:11434/api/generate/", "http://host:11434"),
    ("ollama", "http://host:11434/api/show", "http://host:11434"),
    ("ollama", "https://gw.example.com/ollama/api/chat", "https://gw.example.com/ollama"),
    ("anthropic", "https://api.anthropic.com", "https://api.anthropic.com/v1"),
    ("anthropic", "https://api.anthropic.com/v1", "https://api.anthropic.com/v1"),
    ("anthropic", "https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1"),
    ("anthropic", "https://api.anthropic.com/v1/messages/count_tokens", "https://api.anthropic.com/v1"),
    ("anthropic", "https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1"),
    ("anthropic", "https://api.z.ai/api/anthropic/", "https://api.z.ai/api/anthropic/v1"),
    ("anthropic", "https://api.z.ai/api/anthropic/v1", "https://api.z.ai/api/anthropic/v1"),
    ("anthropic", "https://api.z.ai/api/anthropic/v1/messages", "https://api.z.ai/api/anthropic/v1"),
    ("anthropic", "https://gw.example.com/v1/team/anthropic", "https://gw.example.com/v1/team/anthropic/v1"),
    ("gemini", "https://generativelanguage.googleapis.com", "https://generativelanguage.googleapis.com/v1beta"),
    ("gemini", "https://host/v1beta/models/gemini-2.5-pro:streamGenerateContent", "https://host/v1beta"),
    ("gemini", "https://host/v1beta/openai/", "https://host/v1beta"),
    ("ollama", "http://host:11434", "http://host:11434"),
    ("ollama", "host:11434", "http://host:11434"),
    ("ollama", "http://host:11434/api", "http://host:11434"),
    ("ollama", "http://host:11434/api/chat", "http://host:11434"),
    ("ollama", "http://host:11434/v1", "http://host:11434"),
    ("ollama", "http://host:11434/v1/chat/completions", "http://host:11434"),
    ("ollama", "https://gw.example.com/ollama", "https://gw.example.com/ollama"),
]


def test_an_address_means_the_same_however_it_is_written() -> None:
    for dialect, written, meant in SAID:
        assert base_url_of(Provider("x", dialect, written)) == meant, (dialect, written)
        assert base_url_of(Provider("x", dialect, meant)) == meant, dialect


def test_what_stands_behind_a_question_mark_goes_along_and_a_fragment_does_not() -> None:
    provider = Provider("x", base_url=" host:8000/v1?api-version=1#top ")
    assert url_of(provider, "/chat/completions") == "http://host:8000/v1/chat/completions?api-version=1"


@pytest.mark.parametrize(
    "text", ["", "  ", '""', "http://", "http:///v1", "ftp://host", "ws://host/v1", "http://h:99999"]
)
def test_what_is_no_address_is_told_as_such(text: str) -> None:
    with pytest.raises(Rejected):
        base_url_of(Provider("x", base_url=text))


@given(st.text(max_size=40) | st.from_regex(r"(https?://)?[a-z\[\]:.@/?# 0-9%\"]{0,30}", fullmatch=True))
def test_no_text_breaks_the_reading_and_what_is_read_stays(text: str) -> None:
    once = cleaned_address(text)
    if "://" in once:
        assert cleaned_address(once) == once or "://" in text
    host_of(text)
    ollama_address(text)
    try:
        base_url_of(Provider("x", base_url=text))
        is_loopback(text)
    except (Rejected, ValueError):
        pass


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("", "http://127.0.0.1:11434"),
        ("gpu-box", "http://gpu-box:11434"),
        ("gpu-box:5000", "http://gpu-box:5000"),
        (":5000", "http://127.0.0.1:5000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        ("http://gpu-box", "http://gpu-box"),
        ("http://gpu-box:5000/", "http://gpu-box:5000"),
        ("HTTP://gpu-box:5000", "http://gpu-box:5000"),
        ("https://gpu.example.com", "https://gpu.example.com"),
        ("https://gpu.example.com/ollama/", "https://gpu.example.com/ollama"),
        ("gpu-box/ollama", "http://gpu-box:11434/ollama"),
        ("ollama.com", "https://ollama.com"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("[::]:5000", "http://[::1]:5000"),
        ("gpu-box:nonsense", "http://gpu-box:11434"),
        ("gpu-box:70000", "http://gpu-box:11434"),
        (' "gpu-box:5000" ', "http://gpu-box:5000"),
        ("'0.0.0.0'", "http://127.0.0.1:11434"),
        ("user:pw@gpu-box", "http://user:pw@gpu-box:11434"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(host: str, meant: str) -> None:
    assert ollama_address(host) == meant


@pytest.mark.parametrize(
    ("dialect", "written", "meant"),
    [
        ("anthropic", "https://gw.example.com", "https://gw.example.com/v1"),
        ("anthropic", "https://gw.example.com/v1", "https://gw.example.com/v1"),
        ("anthropic", "https://gw.example.com/claude", "https://gw.example.com/claude/v1"),
        ("anthropic", "https://gw.example.com/claude/v1/messages", "https://gw.example.com/claude/v1"),
        ("anthropic", "https://gw.example.com/v1/team/claude?a=1", "https://gw.example.com/v1/team/claude/v1"),
        ("gemini", "gw.example.com/gemini", "https://gw.example.com/gemini/v1beta"),
        ("gemini", "gw.example.com/gemini/v1alpha", "https://gw.example.com/gemini/v1alpha"),
        ("openai", "https://gw.example.com/llm", "https://gw.example.com/llm"),
        ("openai", "https://gw.example.com", "https://gw.example.com/v1"),
    ],
)
def test_an_address_that_is_meant_for_an_sdk_gets_the_version_that_the_sdk_appends(
    dialect: str, written: str, meant: str
) -> None:
    assert base_url_of(Provider("x", dialect, written, address_source="X_BASE_URL")) == meant


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://localhost:1", True),
        ("http://api.localhost", True),
        ("http://127.0.0.1:1/v1", True),
        ("http://127.8.8.8", True),
        ("http://[::1]:1", True),
        ("http://[::ffff:127.0.0.1]:1", True),
        ("0.0.0.0:8000", True),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1@example.com", False),
        ("http://192.168.1.5", False),
        ("https://example.com/127.0.0.1", False),
    ],
)
def test_what_is_on_this_machine_is_known_by_its_address(address: str, here: bool) -> None:
    assert is_loopback(address) is here


def test_a_host_is_shown_without_credentials() -> None:
    assert host_of("http://user:pw@Host:8000/v1?key=secret") == "host:8000"
    assert host_of("http://") == ""
