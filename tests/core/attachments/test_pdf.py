"""PDFs that go along with a question: their text is taken out in a child process, within limits."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from chat_tui.core.attachments import pdf as pdf_text
from chat_tui.core.attachments.attachment import PDF_LIMIT, is_no_text, of_bytes, read
from chat_tui.core.errors import AttachmentRefused


def pdf(*pages: str, password: str = "") -> bytes:
    """A file with these pages."""
    writer = PdfWriter()
    font = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")}
        | {NameObject("/BaseFont"): NameObject("/Helvetica")}
    )
    fonts = DictionaryObject({NameObject("/F"): font})
    for text in pages:
        page = writer.add_blank_page(200, 200)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F 12 Tf 20 100 Td ({text}) Tj ET".encode() if text else b"")
        page[NameObject("/Contents")] = stream
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    written = BytesIO()
    writer.write(written)
    return written.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(AttachmentRefused) as raised:
        of_bytes("a.pdf", content)
    assert raised.value.hint
    return raised.value.title


def test_a_pdf_is_sent_as_its_text_with_the_pages_told_apart(tmp_path: Path) -> None:
    (tmp_path / "paper.pdf").write_bytes(pdf("On rivers", "", "On lakes"))
    attachment = read(tmp_path / "paper.pdf")
    assert (attachment.name, attachment.media_type) == ("paper.pdf", "text/plain")
    assert attachment.content == b"[page 1]\nOn rivers\n\n[page 3]\nOn lakes"


def test_a_pdf_that_cannot_be_read_is_refused_with_the_reason() -> None:
    assert refused(b"%PDF-1.7\nnothing of the kind") == "a.pdf cannot be read: the PDF is damaged."
    assert refused(pdf("secret", password="x")) == "a.pdf is protected by a password."
    assert refused(pdf("", "")) == "a.pdf contains no text: its pages are images."
    assert "larger than 50 MB" in refused(b"%PDF-" + b"x" * PDF_LIMIT)


def test_a_pdf_of_which_only_the_beginning_is_taken_says_so() -> None:
    text = pdf_text.text_of("a.pdf", pdf("one " * 10, "two " * 10, "three " * 10), most_characters=90)
    assert text.startswith("[The first 2 of 3 pages]\n\n[page 1]\none one")
    assert "three" not in text


def test_a_pdf_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(AttachmentRefused, match="took longer than 0 seconds"):
        pdf_text.text_of("a.pdf", pdf("text"), most_characters=90, seconds=0.001)


def test_a_pdf_is_known_by_its_first_bytes() -> None:
    assert is_no_text(pdf("x"))
    assert not is_no_text(b"PDF")
