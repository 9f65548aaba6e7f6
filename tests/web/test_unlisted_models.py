"""A request names a model that nobody has told of: it is asked, and that is all that comes of it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from chat_tui.core.request import Request
from chat_tui.providers.catalogue.model_info import NAMED_LIMIT
from chat_tui.routing.ranking.eligibility import BY_NAME_ONLY
from tests.doubles.model_server import ModelServer
from tests.support.web_site import Site, box, site


async def listed(web: Site) -> set[str]:
    """What the API and the page offer."""
    cards = (await web.client.get("/v1/models")).json()["data"]
    offered = (await web.client.get("/api/models")).json()["models"]
    return {card["id"] for card in cards} | {model["name"] for model in offered}


async def test_a_name_that_nobody_has_told_of_is_asked_for_once_and_listed_nowhere(server: ModelServer) -> None:
    async with site(box(server.base_url, "t3")) as web:
        before = await listed(web)
        reply = await web.post("/generate", prompt="Hi", model="box/t4")
        assert (reply.status_code, reply.json()["metadata"]["model"]) == (200, "box/t4")
        message = {"role": "user", "content": "Hi"}
        reply = await web.post("/v1/chat/completions", model="box/t5", messages=[message])
        assert (reply.status_code, reply.json()["model"]) == (200, "box/t5")
        assert await listed(web) == before


async def test_no_strategy_chooses_what_a_request_has_named(server: ModelServer) -> None:
    async with site(replace(box(server.base_url, "t3"), model=None)) as web:
        await web.post("/generate", prompt="Hi", model="box/t4")
        answer = await web.engine.ask(None, "Hi", Request(strategy="quality-first", fallback=False))
        await answer.saved.wait()
        assert answer.route is not None
        out = {candidate.model: candidate.out for candidate in answer.route.candidates}
        assert (out["box/t3"], out["box/t4"]) == ("", BY_NAME_ONLY)


async def test_names_without_end_are_not_all_remembered(server: ModelServer) -> None:
    async with site(box(server.base_url, "t3")) as web:
        known = len(web.engine.models.status())
        for number in range(NAMED_LIMIT + 20):
            assert web.engine.models.knows(f"box/typo{number}")
        assert len(web.engine.models.status()) == known + NAMED_LIMIT


async def test_a_provider_without_a_model_names_none(server: ModelServer) -> None:
    async with site(box(server.base_url, "t3")) as web:
        bodies: dict[str, dict[str, Any]] = {
            "/generate": {"prompt": "Hi"},
            "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
        }
        for path, body in bodies.items():
            assert (await web.post(path, model="box/", **body)).status_code == 404
