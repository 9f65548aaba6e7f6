"""Which conversation is in view and what is unsent in it, without a screen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chat_tui.core.errors import HistoryError
from chat_tui.core.request import Request
from chat_tui.core.settings.preset import Preset
from chat_tui.engine.engine import Engine
from chat_tui.tui.chat.conversation.session import (
    ConversationSession,
    StoredDraft,
    ViewState,
    as_typed,
    restore_external_draft,
)
from tests.support.scripted_engine import ended, stage


class View:
    """A prompt and a reading position without a screen."""

    def __init__(self) -> None:
        self.state = ViewState()

    def read(self) -> ViewState:
        return self.state


async def open_session(engine: Engine) -> tuple[ConversationSession, View]:
    """A session that has just started."""
    view = View()
    session = ConversationSession(view.read)
    await session.connect(engine)
    return session, view


async def ask_question(engine: Engine, text: str) -> str:
    """The id of a conversation with this question and its answer."""
    answer = await ended(await engine.ask(None, text, Request()))
    await answer.saved.wait()
    return answer.conversation_id


def test_nothing_of_textual_is_imported() -> None:
    code = "import sys, chat_tui.tui.chat.conversation.session; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_conversation_comes_back_as_it_was_left() -> None:
    async with stage(["One."], ["Two."]) as on:
        first, second = await ask_question(on.engine, "first?"), await ask_question(on.engine, "second?")
        session, view = await open_session(on.engine)
        assert await session.open(first) is not None
        view.state = ViewState("half a que", "[]", "here")
        left = await session.open(second)
        assert left is not None
        assert left.draft == StoredDraft()
        assert session.conversation_id == second
        view.state = ViewState()
        back = await session.open(first)
        assert back is not None
        assert (back.draft, back.position) == (StoredDraft("half a que", "[]"), "here")
        assert [turn.text for turn in back.conversation.path] == ["first?", "One."]
        assert await session.open(first) is None


async def test_an_edited_question_is_resumed_and_the_draft_beside_it_is_kept() -> None:
    async with stage(["One."], ["Two."]) as on:
        first, second = await ask_question(on.engine, "/etc?"), await ask_question(on.engine, "second?")
        session, view = await open_session(on.engine)
        path = (await on.engine.conversations.conversation(first)).path
        await session.open(first)
        view.state = ViewState("my draft")
        assert session.begin_edit(path[0]) == "//etc?" == as_typed(path[0])
        view.state = ViewState("//etc/hosts?")
        assert session.unsent == "my draft"
        await session.open(second)
        assert session.end_edit() is None
        view.state = ViewState()
        back = await session.open(first)
        assert back is not None
        assert back.draft.text == "my draft"
        view.state = ViewState("my draft")
        assert session.resume_edit(back) == "//etc/hosts?"
        assert session.edited == path[0]
        assert session.end_edit() == "my draft"
        assert session.end_edit() is None


async def test_the_next_start_comes_back_only_where_something_was_unsent() -> None:
    async with stage() as on:
        id = await ask_question(on.engine, "first?")
        session, view = await open_session(on.engine)
        await session.open(id)
        view.state = ViewState("unsent")
        await session.leave(has_waiting=False)
        again, typed = await open_session(on.engine)
        assert await again.last_conversation() == id
        typed.state = ViewState("typed meanwhile")
        back = await again.open(id, coming_back=True)
        assert back is not None
        assert back.draft.text == "unsent\n\ntyped meanwhile"
        typed.state = ViewState()
        await again.leave(has_waiting=True)
        assert await (await open_session(on.engine))[0].last_conversation() == id
        await again.leave(has_waiting=False)
        assert await (await open_session(on.engine))[0].last_conversation() == ""


async def test_a_question_that_was_sent_stays_in_view_and_a_deleted_conversation_does_not_come_back() -> None:
    async with stage() as on:
        id = await ask_question(on.engine, "first?")
        session, _ = await open_session(on.engine)
        session.visit.is_asking = True
        assert await session.open(id, coming_back=True) is None
        assert session.conversation_id is None
        session.visit.is_asking = False
        await on.engine.delete(id)
        with pytest.raises(HistoryError):
            await session.last_conversation()
        await session.forget_last()
        assert await session.last_conversation() == ""


async def test_a_private_conversation_leaves_no_trace() -> None:
    async with stage() as on:
        private = await on.engine.conversations.begin_private()
        session, view = await open_session(on.engine)
        await session.open(private.id)
        view.state = ViewState("secret", "[]", "here")
        await session.save_place()
        assert await session.last_conversation() == ""
        engine = on.engine
        assert await engine.places.get("files of the draft " + private.id) == ""
        assert await engine.places.get("reading position " + private.id) == ""


async def test_what_nobody_has_sent_goes_on_in_a_new_conversation() -> None:
    async with stage() as on:
        session, view = await open_session(on.engine)
        view.state = ViewState("unsent", "[]")
        assert await session.begin_new() == StoredDraft("unsent", "[]")
        id = await ask_question(on.engine, "first?")
        await session.open(id)
        view.state = ViewState("for this one only")
        assert (await session.begin_new()).text == "unsent"


async def test_preset_and_system_prompt_begin_a_conversation_or_belong_to_the_one_in_view() -> None:
    async with stage() as on:
        id = await ask_question(on.engine, "first?")
        session, _ = await open_session(on.engine)
        await session.set_preset(Preset("translate", "…"))
        await session.set_system_prompt("Be short.")
        begun = session.new_conversation
        assert (begun.system_prompt, begun.preset) == ("Be short.", Preset("translate", "…"))
        targets = [session.target]
        await session.open(id)
        assert [*targets, session.target] == [begun, id]
        assert session.preset is None
        assert await session.system_prompt() == on.engine.config.system_prompt
        await session.set_system_prompt("Be long.")
        await session.begin_new()
        assert await session.system_prompt() == on.engine.config.system_prompt
        await session.open(id)
        assert await session.system_prompt() == "Be long."


async def test_a_draft_of_an_external_editor_stands_behind_what_was_written_since() -> None:
    async with stage() as on:
        id = await ask_question(on.engine, "first?")
        engine = on.engine
        await engine.drafts.save(id, "before")
        await restore_external_draft(on.engine, id, "before", "edited")
        assert await engine.drafts.load(id) == "edited"
        await restore_external_draft(on.engine, id, "before", "again")
        assert await engine.drafts.load(id) == "edited\n\nagain"
        await restore_external_draft(on.engine, "gone", "", "from the deleted one")
        assert await engine.drafts.load(None) == "from the deleted one"
