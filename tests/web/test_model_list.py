"""The list of models on the page: favourites, recent ones, and keys that are put to use."""

from __future__ import annotations

from chat_tui.config.schema import Config
from chat_tui.core.models import Model
from tests.doubles.fake_backend import FakeSetup
from tests.doubles.scripted_chat import FAST
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import site


async def test_favourites_and_recent_models_are_those_of_the_terminal() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        for body in ({"favourite": True}, {"favourite": True}, {}):
            reply = await web.client.put("/api/models/preferences", json={"model": "shelf/deep", **body})
            assert reply.status_code == 204
        said = (await web.client.get("/api/models")).json()
        assert (said["favourites"], said["recent"]) == (["shelf/deep"], ["shelf/deep"])
        assert await web.engine.places.get("favourite models") == "shelf/deep"
        await web.client.put("/api/models/preferences", json={"model": "shelf/deep", "favourite": False})
        assert (await web.client.get("/api/models")).json()["favourites"] == []
        assert (await web.client.put("/api/models/preferences", json={"model": ""})).status_code == 400
        for body, status in (({}, 404), ({"favourite": True}, 404), ({"favourite": False}, 204)):
            reply = await web.client.put("/api/models/preferences", json={"model": "shelf/gone", **body})
            assert reply.status_code == status
        assert (await web.client.get("/api/models")).json()["recent"] == ["shelf/deep"]


async def test_a_model_that_was_merely_found_is_in_use_once_it_is_chosen() -> None:
    opener = scripted_opener(["Yes."], models=[FAST, Model("offered/tiny")])
    async with site(Config(), opener=opener) as web:
        for body in ({"favourite": True}, {}):
            assert list(await web.engine.models.chosen_models()) == []
            await web.client.put("/api/models/preferences", json={"model": "offered/tiny", **body})
        assert list(await web.engine.models.chosen_models()) == ["offered/tiny"]


async def test_a_found_key_is_named_without_the_key_and_put_to_use_once() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        found = (await web.client.get("/api/found-keys")).json()
        assert found == {"keys": [{"provider": "groq", "title": "Groq", "source": "$GROQ_API_KEY"}]}
        assert (await web.client.post("/api/found-keys/groq/use")).json() == {"title": "Groq", "models": 5}
        assert (await web.client.get("/api/found-keys")).json() == {"keys": []}
        for name in ("groq", "openai", "nobody"):
            assert (await web.client.post(f"/api/found-keys/{name}/use")).status_code == 404


async def test_a_found_key_that_is_refused_stays_unused() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        setup = web.engine.setup
        assert isinstance(setup, FakeSetup)
        setup.refused.add("groq")
        reply = await web.client.post("/api/found-keys/groq/use")
        assert reply.status_code >= 400
        assert "refused the API key" in reply.json()["error"]
        assert len((await web.client.get("/api/found-keys")).json()["keys"]) == 1


async def test_models_are_asked_for_again() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        assert (await web.client.post("/api/models/refresh")).status_code == 204
        assert (await web.client.get("/api/models")).json()["models"][0]["name"] == "shelf/fast"
