"""What still comes when the app ends."""

from __future__ import annotations

from tests.doubles.scripted_chat import scripted_chat


async def test_a_notice_that_comes_when_the_screens_have_gone_is_no_crash() -> None:
    async with scripted_chat() as chat:
        stack = chat.app.screen_stack
        chat.app._screen_stack.clear()
        chat.app.clear_notifications()
        chat.app._screen_stack.extend(stack)
        chat.app.say("Saved")
        await chat.shows("Saved")
