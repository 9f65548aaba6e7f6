"""What `--attach` names besides files: web pages."""

from __future__ import annotations

import pytest

from chat_tui.cli.attached_files import read_attachments
from chat_tui.core.attachments.attached_page import AttachedPage
from chat_tui.core.attachments.attachment import of_bytes
from chat_tui.core.errors import AttachmentRefused
from tests.wire.home import Home


class PreparedPages:
    """A `PageSource` with one page."""

    async def fetch(self, address: str) -> AttachedPage:
        if address != "https://page.example/rivers":
            raise AttachmentRefused("page.example: HTTP 404.", "Nothing was sent.")
        file = of_bytes(address, b"Title: Rivers\n\nThey run to the sea.")
        return AttachedPage(file, "Rivers", address, "2019-05-03", ("7 years old",))


def test_a_page_is_described_before_it_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = read_attachments(["https://page.example/rivers"], PreparedPages())
    assert file.content.endswith(b"They run to the sea.")
    told = capsys.readouterr().err
    assert told == "[https://page.example/rivers · Rivers · 2019-05-03 · 35 B · ≈30 tokens · 7 years old]\n"
    with pytest.raises(AttachmentRefused):
        read_attachments(["https://page.example/other"], PreparedPages())


async def test_ask_reads_no_page_of_a_private_network(home: Home) -> None:
    ran = await home.run("ask", "what is it?", "--attach", "http://127.0.0.1:9/")
    assert (ran.code, ran.text) == (2, "")
    assert "127.0.0.1 is on this machine or in a private network" in ran.told()
