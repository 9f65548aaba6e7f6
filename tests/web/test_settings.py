"""The settings of conversations over HTTP, and private conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from chat_tui.config.schema import Config, RequestDefaults
from chat_tui.core.settings.conversation_settings import ConversationSettings, decode_settings
from chat_tui.core.settings.preset import Preset, decode_preset, encode_preset
from chat_tui.providers.scripted_provider import Pause
from chat_tui.web import create_state
from chat_tui.web.presence.private_conversations import PrivateConversations
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import TOKEN, Site, site, until
from tests.web.test_live import feed

USUAL = Config(strategy="balanced", system_prompt="Be kind.", request=RequestDefaults(max_tokens=500))


async def begun(web: Site, **body: Any) -> str:
    """The id of a conversation that begins with a question of the page."""
    reply = await web.post("/api/ask", prompt="Hello", **body)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["conversation"])


def stored_bytes(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


async def ended(web: Site, conversation: str) -> None:
    await until(lambda: not web.engine.running(conversation))


async def test_a_new_conversation_has_its_settings_and_the_terminal_reads_the_same() -> None:
    async with site(USUAL, opener=scripted_opener(["Yes."], config=USUAL)) as web:
        choices = (await web.client.get("/api/settings")).json()
        settings = {
            "preset": {"name": "translate", "values": {"language": "French"}},
            "temperature": 0.7,
            "thinking": "low",
            "memory": False,
            "stop": ["END"],
        }
        id = await begun(web, settings=settings)
        stored = await web.engine.conversations.conversation(id)
        opened = (await web.client.get(f"/api/conversations/{id}")).json()
        shown = (await web.client.get(f"/api/conversations/{id}/settings")).json()
        await ended(web, id)
    assert {"analyse", "code", "story", "translate"} == {preset["name"] for preset in choices["presets"]}
    translate = next(preset for preset in choices["presets"] if preset["name"] == "translate")
    assert [(each["name"], each["value"]) for each in translate["variables"]] == [("language", "English")]
    assert choices["usual"] == {
        "system": "Be kind.",
        "temperature": None,
        "maxTokens": 500,
        "thinking": None,
        "memory": True,
        "adaptive": False,
    }
    preset = decode_preset(stored.preset)
    assert preset is not None
    assert preset.words() == "Translate · French"
    own = ConversationSettings(temperature=0.7, thinking="low", memory=False, stop=("END",))
    assert decode_settings(stored.settings) == own
    assert opened["settings"] == shown
    assert shown["preset"]["variables"][0]["value"] == "French"
    assert "into French" in shown["preset"]["system"]
    assert (shown["temperature"], shown["system"], opened["private"]) == (0.7, None, False)


async def test_settings_are_changed_one_by_one_and_go_back_to_what_is_usual() -> None:
    async with site(USUAL, opener=scripted_opener(["Yes."], config=USUAL)) as web:
        id = await begun(web)
        await ended(web, id)
        path = f"/api/conversations/{id}/settings"

        async def changed(**fields: Any) -> Any:
            reply = await web.client.patch(path, json=fields)
            assert reply.status_code == 200, reply.text
            return reply.json()

        first = await changed(system="Be short.", temperature=0.3, maxTokens=50)
        await web.engine.conversations.set_settings(id, ConversationSettings(temperature=1.5, seed=7))
        second = await changed(preset={"name": "code"})
        third = await changed(system=None, temperature=None, preset=None)
        conversation = await web.engine.conversations.conversation(id)
    assert (first["system"], first["temperature"], first["maxTokens"]) == ("Be short.", 0.3, 50)
    assert (second["system"], second["temperature"], second["seed"]) == ("Be short.", 1.5, 7)
    assert (second["maxTokens"], second["preset"]["title"]) == (None, "Code")
    assert (third["system"], third["temperature"], third["preset"], third["seed"]) == (None, None, None, 7)
    assert (conversation.system_prompt, conversation.preset) == (None, "")


async def test_a_preset_switches_its_tools_on_unless_a_person_has_chosen_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    presets = tmp_path / "chat-tui" / "presets"
    presets.mkdir(parents=True)
    (presets / "helper.toml").write_text('description = "helps"\ntools = ["files"]\n')
    (presets / "broken.toml").write_text("temperature = 99\n")
    async with site(USUAL, opener=scripted_opener(["Yes."], config=USUAL)) as web:
        choices = (await web.client.get("/api/settings")).json()
        settings = {"preset": {"name": "helper"}}
        bodies: Sequence[dict[str, Any]] = ({}, {"tools": []})
        ids = [await begun(web, settings=settings, askTools=True, **body) for body in bodies]
        stored = [await web.engine.conversations.conversation(id) for id in ids]
        for id in ids:
            await ended(web, id)
    assert next(each for each in choices["presets"] if each["name"] == "helper")["tools"] == ["files"]
    assert len(choices["problems"]) == 1
    assert "broken.toml" in choices["problems"][0]
    tools = [decode_settings(each.settings).tools for each in stored]
    assert [each.servers if each is not None else () for each in tools] == [("files",), ()]


WRONG: Sequence[dict[str, Any]] = (
    {"temperature": 2.1},
    {"temperature": "warm"},
    {"maxTokens": 0},
    {"topP": -1},
    {"thinking": "deep"},
    {"memory": "yes"},
    {"stop": [""]},
    {"stop": ["x"] * 17},
    {"stop": ["x" * 201]},
    {"system": "x" * 1_000_001},
    {"preset": {"name": "no such"}},
    {"preset": {"name": "../code"}},
    {"preset": {"name": "code", "values": {"colour": "red"}}},
    {"preset": "code"},
)


async def test_wrong_settings_are_refused_and_nothing_is_changed() -> None:
    async with site(USUAL, opener=scripted_opener(["Yes."], config=USUAL)) as web:
        id = await begun(web)
        await ended(web, id)
        path = f"/api/conversations/{id}/settings"
        for wrong in WRONG:
            refused = await web.client.patch(path, json=wrong)
            asked = await web.post("/api/ask", prompt="Hello", settings=wrong)
            assert (refused.status_code, asked.status_code) == (400, 400), wrong
            assert refused.json()["error"] == asked.json()["error"].replace("settings.", "")
        late = [
            await web.post("/api/ask", prompt="Hello", conversation=id, **body)
            for body in ({"settings": {"temperature": 1}}, {"private": True})
        ]
        unknown = await web.client.patch("/api/conversations/none/settings", json={})
        conversation = await web.engine.conversations.conversation(id)
        rows = await web.engine.conversations.summaries()
    assert [reply.status_code for reply in late] == [400, 400]
    assert unknown.status_code == 404
    assert (conversation.settings, conversation.preset, conversation.system_prompt) == ("", "", None)
    assert len(rows) == 1


async def test_a_page_hears_of_settings_that_another_face_has_changed() -> None:
    async with site(USUAL, opener=scripted_opener(["Yes."], config=USUAL)) as web:
        id = await begun(web)
        await ended(web, id)
        changes: Sequence[Callable[[], Awaitable[None]]] = (
            lambda: web.engine.conversations.set_settings(id, ConversationSettings(temperature=1.5)),
            lambda: web.engine.conversations.set_system_prompt(id, "Be short."),
            lambda: web.engine.conversations.set_preset(id, encode_preset(Preset("code"))),
        )
        async with feed(web, id) as page:
            await until(lambda: page.has_ended(id))
            for change in changes:
                before = page.kinds().count("changed")
                await change()
                await until(lambda before=before: page.kinds().count("changed") > before)  # type: ignore[misc]


async def test_a_private_conversation_is_in_memory_only_and_known_to_its_page_only(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with site(USUAL, opener=scripted_opener(["A secret."], ["Another."], config=USUAL, file=file)) as web:
        id = await begun(web, private=True, settings={"system": "Hush.", "temperature": 0.1})
        path = f"/api/conversations/{id}"
        async with feed(web, id) as page, feed(web) as other:
            await until(lambda: page.has_ended(id))
            again = await web.post("/api/ask", prompt="More, please", conversation=id)
            await until(lambda: page.text(id) == "A secret.Another.")
            opened = (await web.client.get(path)).json()
            changed = await web.client.patch(f"{path}/settings", json={"temperature": 0.2})
            listed = (await web.client.get("/api/conversations")).json()
            found = (await web.client.get("/api/conversations?query=secret")).json()
            titles = {row["title"] for event in page.heard if event["type"] == "running" for row in event["answers"]}
            strangers = other.running()
        deleted = await web.client.delete(path)
        gone = await web.client.get(path)
        restored = await web.post(f"{path}/restore")
        left = await web.engine.conversations.deletion.list_deleted()
    assert again.status_code == 202
    assert (opened["private"], opened["usesMemory"], opened["title"]) == (True, False, "Hello")
    assert [turn["text"] for turn in opened["turns"]] == ["Hello", "A secret.", "More, please", "Another."]
    assert (opened["settings"]["system"], opened["settings"]["temperature"]) == ("Hush.", 0.1)
    assert changed.json()["temperature"] == 0.2
    assert (listed["conversations"], found["conversations"], strangers) == ([], [], [])
    assert titles <= {"Private conversation"}
    assert [deleted.status_code, gone.status_code, restored.status_code] == [204, 404, 404]
    assert left == []
    stored = await asyncio.to_thread(stored_bytes, tmp_path)
    assert id.encode() not in stored
    for secret in (b"secret", b"Hush", b"Hello"):
        assert secret not in stored


async def test_a_private_conversation_goes_on_while_a_page_follows_it_and_ends_without() -> None:
    async with site(USUAL, opener=scripted_opener(["One, ", Pause(60)], config=USUAL)) as web:
        web.state.private = PrivateConversations(0, join_seconds=0.3)
        id = await begun(web, private=True)
        async with feed(web, id) as page:
            await until(lambda: page.text(id) == "One, ")
            await asyncio.sleep(0.8)
            kept = await web.client.get(f"/api/conversations/{id}")
            assert web.engine.running(id)
        await until(lambda: id not in web.state.private)
        gone = await web.client.get(f"/api/conversations/{id}")
        assert not web.engine.running(id)
    assert [kept.status_code, gone.status_code] == [200, 404]


async def test_a_server_that_may_have_workers_has_no_private_conversations() -> None:
    async with site(USUAL, opener=scripted_opener(["Yes."], config=USUAL)) as web:
        web.state.private = PrivateConversations(0, are_possible=False)
        choices = (await web.client.get("/api/settings")).json()
        refused = await web.post("/api/ask", prompt="Hello", private=True)
        rows = await web.engine.conversations.summaries()
    assert not choices["canBePrivate"]
    assert refused.status_code == 400
    assert "workers" in refused.json()["error"]
    assert rows == []
    assert not create_state(Config(), token=TOKEN, has_workers=True).private.are_possible
