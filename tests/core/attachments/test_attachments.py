"""Files that go along with a question: what is taken, what is refused, and how text is spoken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core.attachments import attachment as attachments
from chat_tui.core.attachments.attachment import Attachment, read, spoken_text
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import AttachmentRefused

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 20, "image/jpeg"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("naïve\n".encode(), "text/plain"),
    ],
)
def test_a_file_is_told_by_its_first_bytes_and_not_by_its_name(tmp_path: Path, content: bytes, media_type: str) -> None:
    file = tmp_path / "picture.txt"
    file.write_bytes(content)
    attachment = read(file)
    assert attachment == Attachment("picture.txt", media_type, content, size_bytes=len(content))
    assert attachment.is_image == media_type.startswith("image/")


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfhello")
    assert read(tmp_path / "a").content == b"hello"


def refused(file: Path) -> str:
    with pytest.raises(AttachmentRefused) as raised:
        read(file)
    assert raised.value.hint
    return raised.value.title


def test_what_cannot_be_sent_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "zip").write_bytes(b"PK\x03\x04\0\0")
    (tmp_path / "latin").write_bytes(b"na\xefve")
    (tmp_path / "nothing").write_bytes(b"")
    (tmp_path / "huge").write_bytes(b"x" * (attachments.TEXT_LIMIT + 1))
    (tmp_path / "huge.png").write_bytes(PNG + b"x" * attachments.IMAGE_LIMIT)
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "zip") == "zip is neither an image, a PDF nor UTF-8 text."
    assert refused(tmp_path / "latin") == "latin is neither an image, a PDF nor UTF-8 text."
    assert refused(tmp_path / "nothing") == "nothing is empty."
    assert "larger than 2 MB" in refused(tmp_path / "huge")
    assert "larger than 20 MB" in refused(tmp_path / "huge.png")
    assert refused(tmp_path / "gone") == "File not found: gone."
    assert refused(tmp_path) == f"{tmp_path.name} is not a file."
    assert refused(tmp_path / "pipe") == "pipe is not a file."
    assert "cannot be read" in refused(tmp_path / "zip" / "inside")
    assert "\x1b" not in refused(tmp_path / "\x1b[2Jgone")
    assert "not a file" in refused(Path("a\0b"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("x")
    file.chmod(0)
    assert "cannot be read" in refused(file)


def test_a_text_stands_behind_the_words_under_its_name() -> None:
    turn = Turn(
        "user",
        "What is this?",
        attachments=(Attachment("a.py", "text/plain", b"x = 1\n"), Attachment("b", "image/png")),
    )
    assert spoken_text(turn) == "What is this?\n\na.py:\n```\nx = 1\n```"
    assert spoken_text(Turn("user", "", attachments=turn.attachments)) == "a.py:\n```\nx = 1\n```"
    assert spoken_text(Turn("user", "plain")) == "plain"


@given(st.lists(st.sampled_from(["`", "```", "\n", "x", " "]), max_size=30).map("".join))
def test_no_content_closes_its_fence(text: str) -> None:
    spoken = spoken_text(Turn("user", "", attachments=(Attachment("a", "text/plain", text.encode()),)))
    name, fence, *inner, last = spoken.split("\n")
    assert (name, last) == ("a:", fence)
    assert "\n".join(inner) == text.rstrip("\n")
    assert not any(fence in line for line in inner)
