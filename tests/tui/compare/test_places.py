"""Columns and tabs, sizes that change, hidden names, and real sockets under the columns."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets._toast import Toast

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.config.schema import Config, Performance, ProviderRow
from chat_tui.core.errors import ChatTuiError, Overloaded
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.engine.engine import Engine
from chat_tui.providers.scripted_provider import Fault, Script
from chat_tui.tui.app import ChatApp
from chat_tui.tui.chat.screen.screen import ChatScreen
from chat_tui.tui.compare.screen import CompareScreen
from tests.doubles.model_scripts import Script as Served
from tests.doubles.model_server import ModelServer
from tests.doubles.scripted_chat import DEEP, FAST
from tests.support.comparison_screen import NAMES, Compared, compared
from tests.support.scripted_router import endless, slowly

LONG = slowly(*(f"line {number}\n\n" for number in range(200)), seconds=0.0)


def in_sight(on: Compared) -> list[str]:
    return [column.model for column in on.screen.columns if column.display]


@pytest.mark.parametrize(
    ("size", "count", "tabs"),
    [((60, 20), 3, True), ((80, 24), 2, True), ((120, 40), 3, False), ((110, 40), 4, True), ((200, 60), 4, False)],
)
async def test_columns_where_there_is_room_and_tabs_elsewhere(size: tuple[int, int], count: int, tabs: bool) -> None:
    async with compared(*([f"from {number}"] for number in range(count)), size=size) as on:
        await on.begin()
        await on.ended()
        assert in_sight(on) == ([FAST.name] if tabs else list(NAMES[:count]))
        await on.until(lambda: "Which?" in on.shown().split("\n")[0])
        await on.until(lambda: ("[1 " in on.shown().split("\n")[1]) is tabs)
        await on.until(lambda: all(f"{number + 1} " in on.shown() for number in range(count)))
        await on.until(lambda: "tokens/s" in on.chat.shown(on.screen._summary))
        await on.press("tab")
        await on.until(lambda: on.screen.current.model == DEEP.name)
        await on.until(lambda: "from 1" in on.shown())
        await on.until(lambda: ("from 0" in on.shown()) is not tabs)
        await on.press("left", "left")
        await on.until(lambda: on.screen.current.model == NAMES[count - 1])


async def test_a_smaller_screen_makes_tabs_while_they_stream_and_loses_nothing() -> None:
    async with compared(endless(), endless()) as on:
        await on.begin()
        await on.grown()
        await on.press("tab")
        await on.chat.pilot.resize_terminal(60, 20)
        await on.until(lambda: in_sight(on) == [DEEP.name])
        await on.chat.pilot.resize_terminal(200, 60)
        await on.until(lambda: len(in_sight(on)) == 2)
        await on.press("escape")
        await on.ended()
        for column in on.screen.columns:
            assert column.text.viewport.copy_text() == column.answer.turn.text


async def test_the_reading_position_of_one_holds_while_all_stream() -> None:
    async with compared(LONG, [*LONG[:40], *endless()]) as on:
        await on.begin()
        await on.until(lambda: on.comparison.answers[0].ended)
        await on.press("home")
        await on.until(lambda: "line 0" in on.texts()[0])
        length = len(on.comparison.answers[1].text)
        await on.until(lambda: len(on.comparison.answers[1].text) > length + 200)
        assert "line 0" in on.texts()[0]
        assert "line 0 " not in on.texts()[1]


@pytest.mark.parametrize("size", [(60, 20), (200, 60)])
async def test_blind_nothing_tells_who_answers_until_one_is_kept(size: tuple[int, int]) -> None:
    told = "local/smollm2-135m of shelf is overloaded."
    fault: Script = ["some ", Fault(Overloaded(told, hint="Ask shelf.", provider="shelf", model="shelf/deep"))]
    secret = ("shelf", "fast", "deep", "smollm", "scripted", "demo", "$")
    async with compared(["an answer"], fault, [Fault(Overloaded(told))], endless(), size=size) as on:
        await on.begin(blind=True)
        await on.until(lambda: sum(answer.ended for answer in on.comparison.answers) == 3)
        for end in ("", "escape"):
            if end:
                await on.press(end)
                await on.ended()
            for _ in on.names:
                await on.press("tab")
                await on.until(lambda: not any(column.text.is_busy for column in on.screen.columns))
                await asyncio.sleep(0.02)
                seen = on.shown()
                assert not [word for word in secret if word in seen], seen
                assert "blind" in seen
        places = {column.model: column.place for column in on.screen.columns}
        await on.press(str(places[FAST.name] + 1))
        await on.left()
        await on.until(lambda: f"Kept: {FAST.name}" in on.chat.notices() and f"was {DEEP.name}" in on.chat.notices())


async def test_b_hides_and_shows_the_names_and_stays_at_the_same_answer() -> None:
    async with compared(["from fast"], ["from deep"], [Fault(Overloaded("Away from here."))]) as on:
        await on.begin()
        await on.ended()
        await on.press("tab", "b")
        await on.until(lambda: on.screen.blind)
        assert on.screen.current.model == DEEP.name
        assert {column.label for column in on.screen.columns} == {"A", "B", "C"}
        await on.until(lambda: "shelf" not in on.shown() and "Away" not in on.shown())
        regions = [column.region.x for column in on.screen.columns]
        await on.until(lambda: regions == sorted(regions))
        await on.press("b")
        await on.until(lambda: "Away from here." in on.shown() and FAST.name in on.shown())
        assert [column.model for column in on.screen.columns] == [FAST.name, DEEP.name, LOCAL_MODEL]


async def test_the_order_behind_letters_is_not_that_of_the_names() -> None:
    async with compared(["a"], ["b"], ["c"], ["d"], size=(200, 40)) as on:
        await on.begin()
        await on.ended()
        orders = set()
        for _ in range(40):
            orders.add(tuple(column.model for column in CompareScreen(on.comparison, blind=True).columns))
        assert len(orders) > 3


async def test_stop_of_one_closes_exactly_one_socket() -> None:
    scripts = {f"m{number}": Served(tokens=20_000, rate=200) for number in range(4)}
    names = [f"box/{name}" for name in scripts]
    async with ModelServer(scripts=scripts) as server:
        row = ProviderRow("box", server.base_url, models=tuple(scripts))
        config = Config(providers=(row,), performance=Performance(max_concurrent_streams=4))

        async def opened(tell: object) -> Engine:
            def ignore(error: ChatTuiError) -> None:
                """Nothing is told here."""

            return await open_engine(config, save=False, tell=ignore, environ={}, known={})

        app = ChatApp(config, opened)
        async with app.run_test(size=(200, 50)) as pilot:
            chat = app.screen_stack[0]
            assert isinstance(chat, ChatScreen)
            engine = await chat.wait_for_engine()
            screen = CompareScreen(await engine.compare(None, "Which?", names))
            await app.push_screen(screen)
            await server.until(lambda: server.active_streams == 4)
            async with asyncio.timeout(10):
                while not all(answer.text for answer in screen.comparison.answers):
                    await pilot.pause(0.01)
            screen.action_column(2)
            await screen.action_stop()
            await server.until(lambda: server.active_streams == 3)
            closed = [one.body["model"] for one in server.exchanges if one.closed_by_client is not None]
            assert closed == ["m2"]
            await screen.action_stop_all()
            await server.until(lambda: server.active_streams == 0)
            async with asyncio.timeout(10):
                while not screen._summary.display:
                    await pilot.pause(0.01)
        await engine.close()


async def test_the_palette_and_the_help_are_there_beside_the_answers() -> None:
    async with compared(["from fast"], endless(), size=(60, 20)) as on:
        await on.begin()
        await on.grown()
        assert on.chat.shown(on.screen._keys).rstrip().endswith("F1 help")
        await on.press("f1")
        await on.until(lambda: "Keys: side by side" in on.shown())
        await on.press("escape")
        await on.until(lambda: on.is_open)
        await on.press("ctrl+p")
        await on.until(lambda: f"Keep the answer of {FAST.name}" in on.shown())
        for letter in "stop all":
            await on.press("space" if letter == " " else letter)
        await on.until(lambda: "Stop all answers" in on.shown() and "Keep the" not in on.shown())
        await on.press("enter")
        await on.ended()
        await on.press("ctrl+p")
        await on.until(lambda: "Go back to the chat" in on.shown())
        assert "Stop" not in on.shown()


async def test_a_notice_hides_nothing_of_the_table() -> None:
    async with compared(["from fast"], ["from deep"], size=(60, 20)) as on:
        await on.begin()
        await on.ended()
        await on.press("f6")
        await on.until(lambda: "This answer has ended" in on.chat.notices())
        toast = on.screen.query_one(Toast)
        await on.until(lambda: toast.region.height)
        assert toast.region.bottom <= on.screen._summary.region.y
