"""Ctrl+V and `/paste`: the image in the clipboard is attached, its text pasted; where nothing serves, that is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from textual import events

from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.clipboard_programs import PNG, WAYLAND, put_program, put_wl_paste, with_programs


def use_desktop(monkeypatch: pytest.MonkeyPatch, folder: Path, environment: Mapping[str, str] = WAYLAND) -> None:
    """Let the app run on a desktop on which only the programs of this folder are installed."""
    monkeypatch.delenv("SSH_TTY")
    for name, value in with_programs(folder, environment).items():
        monkeypatch.setenv(name, value)


def attached(chat: ScriptedChat) -> list[str]:
    return chat.chat.files.names()


async def test_an_image_is_attached_and_sent_and_a_text_goes_into_the_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_desktop(monkeypatch, tmp_path)
    put_wl_paste(tmp_path, types="image/png", image=PNG)
    async with scripted_chat() as chat:
        await chat.pilot.press(*"what is ", "ctrl+v", *"this")
        await chat.shows("+ clipboard.png", f"{len(PNG)} B · ≈", "tokens · ≈$")
        assert chat.chat.prompt.text == "what is this"
        await chat.pilot.press("ctrl+v")
        await chat.until(lambda: "clipboard.png is already attached" in chat.notices())
        # Terminals send a paste of nothing for an image.
        put_wl_paste(tmp_path, types="image/png", image=PNG + b"another")
        chat.chat.prompt.post_message(events.Paste(""))
        await chat.until(lambda: attached(chat) == ["clipboard.png", "clipboard-2.png"])
        # They are there again when the conversation is.
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: not chat.chat.session.changing.locked())
        await chat.until(lambda: attached(chat) == ["clipboard.png", "clipboard-2.png"])
        await chat.pilot.press("end", "enter")
        await chat.answered()
        answer = chat.chat.conversation.answer
        assert answer is not None
        assert [(file.name, file.content) for file in answer.question.attachments] == [
            ("clipboard.png", PNG),
            ("clipboard-2.png", PNG + b"another"),
        ]
        assert not chat.chat.files._pasted

        put_wl_paste(tmp_path, types="text/plain", text=b"@/etc/passwd\n!ls")
        await chat.ask("/paste")
        await chat.until(lambda: chat.chat.prompt.text == "@/etc/passwd\n!ls")
        assert attached(chat) == []


async def test_what_is_sent_waits_for_the_clipboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_desktop(monkeypatch, tmp_path)
    waits = f"while ! [ -e {tmp_path}/go ]; do /bin/sleep 0.01; done; /bin/cat {tmp_path}/image"
    (tmp_path / "image").write_bytes(PNG)
    put_program(tmp_path, "wl-paste", f'case "$*" in *--list-types*) echo image/png;; *) {waits};; esac')
    async with scripted_chat() as chat:
        chat.chat.prompt.insert("what is this")
        chat.screen._submission.clipboard_paste.begin()
        await chat.until(lambda: chat.screen._submission.clipboard_paste.is_reading)
        assert not chat.screen._submission.send("what is this")
        await chat.until(lambda: "The clipboard is still being read" in chat.notices())
        (tmp_path / "go").touch()
        await chat.until(lambda: attached(chat) == ["clipboard.png"])
        await chat.pilot.press("enter")
        await chat.answered()
        assert chat.chat.conversation.answer is not None
        assert len(chat.chat.conversation.answer.question.attachments) == 1


async def test_where_nothing_serves_it_says_so_unless_something_was_copied_inside() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/paste")
        await chat.until(lambda: "ssh does not reach" in chat.notices())
        assert "scp" in chat.notices()
        chat.chat.prompt.clear_draft()
        chat.app.copy_to_clipboard("some words")
        await chat.pilot.press("ctrl+v")
        await chat.until(lambda: chat.chat.prompt.text == "some words")
        # A draft of an earlier run may name an image that is no longer there.
        chat.chat.files.restore('[{"path":"<clipboard>0a1b"}]')
        await chat.shows("+ pasted image", "A pasted image was not kept.")
        await chat.pilot.press("enter")
        await chat.until(lambda: "Paste it again" in chat.notices())
        assert not chat.provider.requests
