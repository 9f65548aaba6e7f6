"""A conversation's own settings: they reach the server, before the preset's and the config's, and stay."""

from __future__ import annotations

from chat_tui.config.schema import Config, ProviderRow, RequestDefaults
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import ConversationSettings, NewConversation
from chat_tui.core.settings.preset import Preset
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.isolated_engine import ended, engine_with


async def test_they_are_sent_before_those_of_the_preset_and_the_config() -> None:
    async with ModelServer(scripts={"m": Script(tokens=3)}) as server:
        config = Config(
            providers=(ProviderRow("box", server.base_url, models=("m",)),),
            request=RequestDefaults(max_tokens=900, temperature=0.9, top_p=0.8),
        )
        async with engine_with(config) as engine:
            settings = ConversationSettings(temperature=0.2, stop=("END",), seed=7)
            beginning = NewConversation(preset=Preset("p", temperature=0.5, top_p=0.6), settings=settings)
            asked = Request(model="box/m")
            answer = await engine.ask(beginning, "Hi", asked)
            await ended(answer)
            body = server.exchanges[-1].body
            sent = {name: body.get(name) for name in ("temperature", "top_p", "max_tokens", "stop", "seed")}
            assert sent == {"temperature": 0.2, "top_p": 0.6, "max_tokens": 900, "stop": ["END"], "seed": 7}

            id = answer.conversation_id
            await engine.conversations.set_settings(id, ConversationSettings(max_tokens=50))
            await ended(await engine.regenerate(id, answer.turn.id, asked))
            body = server.exchanges[-1].body
            assert (body["temperature"], body["max_tokens"], body.get("seed")) == (0.5, 50, None)
            await ended(await engine.ask(id, "And", asked.replace(max_tokens=20)))
            assert server.exchanges[-1].body["max_tokens"] == 20

            await engine.conversations.set_settings(id, ConversationSettings())
            await ended(await engine.ask(id, "Then", asked))
            assert server.exchanges[-1].body["max_tokens"] == 900
