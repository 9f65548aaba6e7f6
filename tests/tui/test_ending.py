"""What still comes while the app ends: its screens are gone by then, and nothing may need one."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

from textual import events

from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.tui.app import ChatApp
from tests.doubles.fake_backend import FakeWeights
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.key_pilot import KeyPilot
from tests.support.scripted_router import until

POOL_THREADS = 6


class LateApp(ChatApp):
    """When its screens have been closed, it gets all that a slow machine may bring so late."""

    came = pasted = False

    async def on_event(self, event: events.Event) -> None:
        await super().on_event(event)
        self.pasted = self.pasted or isinstance(event, events.Paste)

    async def _close_all(self) -> None:
        await super()._close_all()
        assert not self.screen_stack
        self._tell_lasting(ChatTuiError("Late.", "Too late to be read."))
        self.clear_notifications()
        self.post_message(events.Key("a", "a"))
        self.post_message(events.Paste("words"))
        await until(lambda: self.pasted)
        self._take_early()
        self._draw_with(self.themes.in_use)
        assert not self.check_action("command_palette", ())
        await self.action_quit()
        self.end(143)
        assert self._ending is not None
        await self._ending
        self.came = True


async def test_what_comes_when_the_screens_are_gone_ends_the_app_no_other_way() -> None:
    chat = ScriptedChat(Config(), (), None, FakeWeights())
    chat.app = app = LateApp(chat._config, chat.open_engine)
    chat.pilot = KeyPilot(app)
    async with app.run_test():
        await chat.screen.wait_for_engine()
        await chat.engine.close()
    assert app.came
    assert app.crash is None


async def test_a_key_that_still_acts_when_the_app_ends_is_let_go() -> None:
    chat = ScriptedChat(Config(), (), None, FakeWeights())
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["message"]))
    async with chat.app.run_test():
        await chat.screen.wait_for_engine()
        await chat.engine.close()
        await chat.app._close_all()
        chat.app._key_order.note_key(events.Key("f5", None), None, ())
        await until(lambda: not chat.app._key_order.is_busy)
    gc.collect()
    assert failed == []


async def test_a_notice_that_comes_when_the_screens_have_gone_is_no_crash() -> None:
    async with scripted_chat() as chat:
        stack = chat.app.screen_stack
        chat.app._screen_stack.clear()
        chat.app.clear_notifications()
        chat.app._screen_stack.extend(stack)
        chat.app.say("Saved")
        await chat.shows("Saved")


async def test_an_app_that_has_ended_is_let_go() -> None:
    # A thread keeps the standard error of its start, which is that of a running app: all of the pool start before it.
    together = threading.Barrier(POOL_THREADS)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(POOL_THREADS))
    await asyncio.gather(*(asyncio.to_thread(together.wait) for _ in range(POOL_THREADS)))
    # The first one of a process may stay.
    for _ in range(2):
        async with scripted_chat() as chat:
            ended = weakref.ref(chat.app)
        del chat
    for _ in range(100):
        # A thread that the app has started may hold it for a moment, and so does a running time limit.
        await asyncio.sleep(0.05)
        gc.collect()
        if ended() is None:
            break
    assert ended() is None
