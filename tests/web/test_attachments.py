"""Files of questions through the API: uploads, estimates, and the files of stored turns."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from chat_tui.config.schema import Config, Web
from chat_tui.core.attachments.attachment import FILES_LIMIT, IMAGE_LIMIT
from chat_tui.core.attachments.waiting_files import ARRIVING
from tests.core.attachments.test_attachments import PNG
from tests.doubles.scripted_chat import DEEP, FAST
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import Site, site

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


async def upload(web: Site, name: str, content: bytes) -> httpx.Response:
    return await web.client.post("/api/uploads", params={"name": name}, content=content)


async def uploaded(web: Site, name: str, content: bytes) -> dict[str, Any]:
    reply = await upload(web, name, content)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def asked(web: Site, path: str = "/api/ask", **body: Any) -> dict[str, Any]:
    """Ask, and wait until the answer is saved; where it is."""
    reply = await web.post(path, **body)
    assert reply.status_code == 202, reply.text
    place: dict[str, Any] = reply.json()
    for answer in web.engine.running(place["conversation"]):
        await answer.saved.wait()
    return place


async def test_files_go_with_a_question_and_are_shown_with_its_turn() -> None:
    async with site(Config(), opener=scripted_opener(["A cat."])) as web:
        image, drawing = await uploaded(web, "cat.png", PNG), await uploaded(web, "../x/a\u202egvs.svg", SVG)
        assert (image["mediaType"], image["size"], image["tokens"]) == ("image/png", len(PNG), 1000)
        assert (drawing["name"], drawing["mediaType"]) == ("agvs.svg", "text/plain")
        ids = [image["id"], drawing["id"]]
        estimate = (await web.post("/api/estimate", prompt="What is it?", attachments=[*ids, "0" * 48])).json()
        assert estimate["gone"] == ["0" * 48]
        assert not estimate["refusesImages"]
        assert estimate["tokens"] > image["tokens"] + drawing["tokens"]
        assert estimate["price"] > 0
        shown = await web.client.get(f"/api/uploads/{ids[0]}")
        assert shown.content == PNG
        place = await asked(web, prompt="What is it?", attachments=ids)
        # They are stored with the turn, and wait no longer.
        assert [(await web.client.get(f"/api/uploads/{id}")).status_code for id in ids] == [404, 404]
        turns = (await web.client.get(f"/api/conversations/{place['conversation']}")).json()["turns"]
        assert turns[0]["attachments"] == [
            {"name": "cat.png", "mediaType": "image/png", "size": len(PNG)},
            {"name": "agvs.svg", "mediaType": "text/plain", "size": len(SVG)},
        ]
        assert turns[0]["files"] == ["cat.png", "agvs.svg"]
        files = f"/api/conversations/{place['conversation']}/turns/{place['question']}/files"
        first, second = [await web.client.get(f"{files}/{number}") for number in (0, 1)]
        assert (first.content, first.headers["content-type"]) == (PNG, "image/png")
        assert (second.content, second.headers["content-type"]) == (SVG, "text/plain; charset=utf-8")
        for reply in (first, second, shown):
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
        assert second.headers["content-disposition"] == "attachment; filename*=UTF-8''agvs.svg"
        other = await asked(web, prompt="Something else")
        wrong = [
            f"{files}/2",
            f"{files}/-1",
            f"{files}/x",
            f"/api/conversations/{other['conversation']}/turns/{place['question']}/files/0",
            f"/api/conversations/{place['conversation']}/turns/{place['answer']}/files/0",
        ]
        assert [(await web.client.get(path)).status_code for path in wrong] == [404] * len(wrong)


async def test_an_edited_question_keeps_its_files_and_gets_more() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        notes, more = await uploaded(web, "notes.txt", b"notes"), await uploaded(web, "more.txt", b"more")
        place = await asked(web, prompt="One", attachments=[notes["id"]])
        turn = f"/api/conversations/{place['conversation']}/turns/{place['question']}"
        estimate = await web.post(
            "/api/estimate", prompt="Two", conversation=place["conversation"], edited=place["question"]
        )
        assert estimate.json()["tokens"] > notes["tokens"]
        edited = await asked(web, f"{turn}/ask", prompt="Two", attachments=[more["id"]])
        turns = (await web.client.get(f"/api/conversations/{place['conversation']}")).json()["turns"]
        assert turns[0]["files"] == ["notes.txt", "more.txt"]
        files = f"/api/conversations/{place['conversation']}/turns/{edited['question']}/files"
        assert [(await web.client.get(f"{files}/{number}")).text for number in (0, 1)] == ["notes", "more"]
        again = f"/api/conversations/{place['conversation']}/turns/{edited['answer']}/ask"
        refused = await web.post(again, attachments=[more["id"]])
        assert (refused.status_code, refused.json()["error"]) == (400, "`attachments` can only be set with `prompt`.")


async def test_what_cannot_be_sent_is_refused_with_its_name_and_nothing_is_kept() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        wrong = {
            "empty.txt": (b"", "empty.txt is empty. Attach another file."),
            "a.zip": (b"PK\3\4\0", "a.zip is neither an image, a PDF nor UTF-8 text."),
            "a.heic": (b"\0\0\0\x18ftypheic\0\0", "a.heic is a HEIC image, which models cannot read."),
            "a.jpg": (b"\xff\xd8\xff" + b"x" * 2 * IMAGE_LIMIT, "a.jpg is larger than 20 MB, the limit for an image."),
            "a.pdf": (b"%PDF-1.7 broken", "a.pdf cannot be read: the PDF is damaged."),
        }
        for name, (content, words) in wrong.items():
            reply = await upload(web, name, content)
            assert (reply.status_code, reply.json()["success"]) == (400, False)
            assert words in reply.json()["error"]
        packed = await web.client.post("/api/uploads?name=a", content=b"x", headers={"Content-Encoding": "gzip"})
        assert packed.status_code == 415
        assert (await web.client.post("/api/uploads", content=b"x")).status_code == 400
        folder = web.state.uploads.folder
        assert folder is not None
        assert list(folder.iterdir()) == []
        await uploaded(web, "a.txt", b"x")
    assert not folder.exists()


async def test_files_of_a_private_question_are_never_on_the_disk() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        reply = await web.client.post("/api/uploads?name=a.txt&private=true", content=b"secret")
        place = await asked(web, prompt="Hello", attachments=[reply.json()["id"]], private=True)
        turn = f"/api/conversations/{place['conversation']}/turns/{place['question']}"
        assert (await web.client.get(f"{turn}/files/0")).text == "secret"
        assert web.state.uploads.folder is not None
        assert list(web.state.uploads.folder.iterdir()) == []
        assert (await web.client.get(f"/api/uploads/{reply.json()['id']}")).status_code == 404
        hidden = await web.engine.conversations.begin_private()
        path = f"/api/conversations/{hidden.id}/turns/x/files/0"
        assert (await web.client.get(path)).status_code == 404
        estimate = await web.post("/api/estimate", prompt="Hello", conversation=hidden.id)
        assert estimate.status_code == 404


async def test_a_file_may_be_larger_than_other_requests() -> None:
    config = Config(web=Web(max_body_bytes=5000))
    async with site(config, opener=scripted_opener(["Yes."])) as web:
        assert (await uploaded(web, "a.txt", b"x" * 1_000_000))["size"] == 1_000_000


async def test_a_question_names_files_that_are_there_and_not_too_many() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        file = await uploaded(web, "a.txt", b"x")
        gone = await web.post("/api/ask", prompt="Hello", attachments=[file["id"], "0" * 48])
        assert (gone.status_code, gone.json()["error"]) == (
            410,
            "An attached file is not kept any more. Attach it again.",
        )
        many = await web.post("/api/ask", prompt="Hello", attachments=[file["id"]] * (FILES_LIMIT + 1))
        assert many.status_code == 400
        removed = await web.client.delete(f"/api/uploads/{file['id']}")
        assert removed.status_code == 204
        assert (await web.client.get(f"/api/uploads/{file['id']}")).status_code == 404
        for id in ("..%2f..%2fsecret", "0" * 48):
            assert (await web.client.get(f"/api/uploads/{id}")).status_code == 404
        assert not await web.engine.conversations.summaries()


async def test_images_are_not_sent_to_a_model_that_takes_none_and_wait_on() -> None:
    models = [replace(model, images=False) for model in (FAST, DEEP)]
    async with site(Config(), opener=scripted_opener(["Yes."], models=models)) as web:
        image = await uploaded(web, "cat.png", PNG)
        body: dict[str, Any] = {"prompt": "What is it?", "attachments": [image["id"]], "model": FAST.name}
        assert (await web.post("/api/estimate", **body)).json()["refusesImages"]
        refused = await web.post("/api/ask", **body)
        assert refused.status_code == 400
        assert refused.json()["error"] == (
            "shelf/fast takes no images; nothing was sent. Choose a model that accepts images, or remove cat.png."
        )
        assert (await web.client.get(f"/api/uploads/{image['id']}")).status_code == 200
        assert not await web.engine.conversations.summaries()


@pytest.mark.parametrize("path", ["/api/uploads?name=a", "/api/estimate"])
async def test_strangers_upload_nothing(path: str) -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        reply = await web.client.post(path, content=b"x" * 100_000, headers={"Authorization": ""})
        assert reply.status_code == 401
        assert web.state.uploads.folder is None


async def test_files_of_one_client_that_arrive_at_once_are_bounded() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        arriving = [web.state.uploads.files.begin("127.0.0.1", "a") for _ in range(ARRIVING)]
        refused = await upload(web, "b", b"x")
        assert "Too many files wait to be sent." in refused.json()["error"]
        for each in arriving:
            each.close()
        await uploaded(web, "b", b"x")
