"""Providers, servers and local models are added on the screen, each in one step, and no key is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.core.models import KeyPlace
from chat_tui.tui.dialogs.choice import ChoiceScreen
from chat_tui.tui.dialogs.entry import EntryDialog
from chat_tui.tui.panels.welcome import Welcome
from tests.doubles.fake_backend import FakeWeights
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

SECRET = "sk-hunter2-0123456789"


async def type_command(chat: ScriptedChat, text: str) -> None:
    for letter in text:
        await chat.pilot.press({" ": "space", "/": "slash"}.get(letter, letter))
    await chat.pilot.press("enter")


async def paste(chat: ScriptedChat, text: str) -> None:
    from textual import events

    chat.app.post_message(events.Paste(text))
    await chat.pilot.pause()
    await chat.pilot.press("enter")


@pytest.mark.parametrize(("keys", "place"), [((), "keyring"), (("down",), "file"), (("down", "down"), "session")])
async def test_a_provider_is_added_by_its_key_which_is_kept_where_one_chooses(
    keys: tuple[str, ...], place: KeyPlace
) -> None:
    async with scripted_chat() as chat:
        await type_command(chat, "/provider add")
        await chat.shows("Add a provider", "OpenAI", "Anthropic", "key found: $GROQ_API_KEY")
        await chat.pilot.press("enter")
        await chat.shows("OpenAI: API key", "Create an API key at platform.openai.com/api-keys", "It is not shown")
        await paste(chat, "wrong-hunter2")
        await chat.shows("Incorrect API key provided")
        await chat.pilot.press("ctrl+u")
        await paste(chat, SECRET)
        await chat.shows(
            "Where to store the key", "Keyring", "~" if str(Path.home()) == "/home/me" else "credentials.json"
        )
        await chat.pilot.press(*keys, "enter")
        await chat.until(lambda: "OpenAI was added: 3 models" in chat.notices())
        assert chat.setup.saved == {"openai": (SECRET, place)}
        assert chat.chat.prompt.text == ""


async def test_the_key_is_never_on_the_screen_nor_in_the_store(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(file=file) as chat:
        await type_command(chat, "/provider add openai")
        await chat.shows("OpenAI: API key")
        await paste(chat, "bad-hunter2")
        await chat.shows("Incorrect API key provided")
        dialog = chat.app.screen
        assert isinstance(dialog, EntryDialog)
        assert "hunter2" not in chat.shown(dialog)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)
        # What is typed behind the name is no key that anybody keeps, and does not come back.
        await type_command(chat, "/provider add groq hunter2")
        await chat.until(lambda: "Groq was added: 5 models" in chat.notices())
        assert chat.chat.prompt.text == ""
        assert chat.setup.saved == {}
    assert not any(b"bad-hunter2" in each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())  # noqa: ASYNC240


@pytest.mark.parametrize("problem", ["this machine has none", "`chat-tui doctor` says what adds it"])
async def test_without_a_keyring_one_line_says_so_and_the_file_is_offered(problem: str) -> None:
    async with scripted_chat(size=(60, 20)) as chat:
        chat.setup.problem = problem
        await type_command(chat, "/provider add openai")
        await chat.shows("OpenAI: API key")
        await paste(chat, SECRET)
        await chat.shows(f"There is no keyring: {problem}", "Private file", "Only now")
        assert "Keyring" not in chat.shown()
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.setup.saved == {"openai": (SECRET, "file")})
        chat.setup.sources["openai"] = "file"
        await type_command(chat, "/provider remove")
        await chat.shows("Remove a key", "OpenAI  the key file")
        await chat.pilot.press("escape")
        await type_command(chat, "/provider remove openai")
        await chat.until(lambda: "The key of openai was removed" in chat.notices())
        assert chat.setup.saved == {}


async def test_a_server_is_added_by_its_address_and_asked_for_a_key_if_it_wants_one() -> None:
    async with scripted_chat() as chat:
        await type_command(chat, "/provider server")
        await chat.shows("Add a server", "192.168.1.20:8000")
        await paste(chat, "box:8000")
        await chat.until(lambda: "box was added: 2 models" in chat.notices())
        assert [server.base_url for server in chat.setup.servers] == ["box:8000"]
        chat.setup.wants_key = True
        await type_command(chat, "/provider server box:9000")
        await chat.shows("box:9000: API key")
        await paste(chat, SECRET)
        await chat.shows("Where to store the key")
        await chat.pilot.press("enter")
        await chat.until(lambda: len(chat.setup.servers) == 2)
        assert chat.setup.saved == {"box": (SECRET, "keyring")}


async def test_an_address_without_a_server_is_explained_and_can_be_corrected() -> None:
    async with scripted_chat(size=(60, 20)) as chat:
        chat.setup.absent = "box:8000"
        await type_command(chat, "/provider server box:8000")
        await chat.shows("Add a server", "box:8000 could not be reached.", "Check the address.")
        await chat.pilot.press("end", "backspace", "1", "enter")
        await chat.until(lambda: [server.base_url for server in chat.setup.servers] == ["box:8001"])


async def test_a_local_model_is_downloaded_with_progress_and_then_in_use() -> None:
    async with scripted_chat() as chat:
        await type_command(chat, "/provider local")
        await chat.shows("Qwen3 0.6B", "0.4 GB download, 1.2 GB memory", "too large for this machine")
        await chat.pilot.press("enter")
        await chat.shows("Downloading Qwen3 0.6B", "Esc stops")
        chat.setup.arrive.set()
        await chat.until(lambda: "Qwen3 0.6B is in use" in chat.notices())
        assert chat.screen.models.model == "local/qwen3-0.6b"


async def test_a_download_that_is_stopped_says_how_to_go_on() -> None:
    async with scripted_chat() as chat:
        await type_command(chat, "/provider local qwen3-0.6b")
        await chat.shows("Downloading Qwen3 0.6B")
        await chat.pilot.press("escape")
        await chat.shows("The download was stopped. What arrived is kept:", "/provider local qwen3-0.6b")
        assert chat.screen.models.model is None


async def test_the_list_of_models_ends_with_the_ways_to_more() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("ctrl+o")
        await chat.shows("+ Add a provider", "+ Add a server", "+ Get a better local model")
        await chat.pilot.press(*"better", "enter")
        await chat.shows("Better local models")
        await chat.pilot.press("escape", "ctrl+o", *"provider", "enter")
        await chat.until(lambda: isinstance(chat.app.screen, ChoiceScreen))
        await chat.shows("Add a provider", "Anthropic")


async def test_after_a_way_to_more_models_was_closed_words_go_to_the_prompt() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("ctrl+o", *"better", "enter")
        await chat.shows("Better local models")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.pilot.press(*"words")
        await chat.until(lambda: chat.chat.prompt.text == "words")
        assert "favourite" not in chat.shown(chat.screen.keys)


async def test_while_only_the_built_in_model_is_there_the_welcome_names_the_ways(tmp_path: Path) -> None:
    weights = FakeWeights(ready=False)
    weights.arrive.set()
    async with scripted_chat(weights=weights, size=(60, 20)) as chat:
        await chat.shows("tiny (135M parameters)", "/provider add", "/provider server", "/provider local")
        welcome = chat.chat.query_one(Welcome)
        rows = chat.shown(welcome).split("\n")
        at = next(number for number, row in enumerate(rows) if "/provider server" in row)
        await chat.pilot.click(welcome, offset=(6, at))
        await chat.shows("The address of")
    async with scripted_chat(kept_in=tmp_path / "screen.json") as chat:
        await chat.shows("Found", "shelf")
        assert "135M" not in chat.shown()


async def test_a_found_key_that_is_refused_can_be_replaced_and_what_precedes_it_is_named() -> None:
    async with scripted_chat() as chat:
        chat.setup.refused = {"groq"}
        await type_command(chat, "/provider add groq")
        await chat.shows("Groq: API key")
        await chat.until(lambda: "groq refused the API key" in chat.notices())
        await paste(chat, SECRET)
        await chat.shows("Where to store the key of Groq")
        await chat.pilot.press("enter")
        await chat.until(lambda: "$GROQ_API_KEY takes precedence over the stored key" in chat.notices())
        assert chat.setup.saved == {"groq": (SECRET, "keyring")}
