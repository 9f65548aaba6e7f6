"""Uploaded files: how they are checked, bounded, and forgotten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chat_tui.core.attachments.attachment import PDF_LIMIT, TEXT_LIMIT, Attachment
from chat_tui.core.attachments.waiting_files import ARRIVING, FILES, UNUSED_SECONDS, WaitingFiles
from chat_tui.core.errors import AttachmentRefused
from tests.core.attachments.test_attachments import PNG
from tests.core.attachments.test_pdf import pdf


def kept(files: WaitingFiles, name: str, content: bytes, owner: str = "me", *, is_private: bool = False) -> Attachment:
    arriving = files.begin(owner, name, is_private=is_private)
    try:
        for at in range(0, len(content), 7):
            arriving.add(content[at : at + 7])
        return files.keep(arriving)
    finally:
        arriving.close()


def test_a_file_is_kept_as_it_will_be_sent_by_any_process_until_it_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    files, elsewhere = WaitingFiles(folder), WaitingFiles(folder)
    image, document = kept(files, "a.png", PNG), kept(files, "b.pdf", pdf("Two words"))
    [loaded, text] = elsewhere.load([image.id, document.id])
    assert loaded == Attachment("a.png", "image/png", PNG, image.id, len(PNG))
    assert text is not None
    assert (text.media_type, b"Two words" in text.content) == ("text/plain", True)
    assert elsewhere.beginning(image.id) == loaded
    assert {path.name for path in folder.iterdir()} == {image.id, document.id}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    elsewhere.remove([image.id])
    assert files.load([image.id]) == [None]
    files.close()
    assert not folder.exists()


def test_a_private_file_is_never_on_the_disk(tmp_path: Path) -> None:
    now = [1_000_000.0]
    files = WaitingFiles(tmp_path / "uploads", clock=lambda: now[0])
    image, document = [
        kept(files, name, content, is_private=True) for name, content in (("a.png", PNG), ("b.pdf", pdf("Two words")))
    ]
    assert list(tmp_path.iterdir()) == []
    [loaded, text] = files.load([image.id, document.id])
    assert loaded == Attachment("a.png", "image/png", PNG, image.id, len(PNG))
    assert text is not None
    assert b"Two words" in text.content
    with pytest.raises(AttachmentRefused, match="is empty"):
        kept(files, "c", b"", is_private=True)
    files.remove([image.id])
    now[0] += UNUSED_SECONDS + 1
    files.remove_unused()
    assert files.load([image.id, document.id]) == [None, None]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("notes/", "notes"),
        ("a\nb\x1b[2J.txt", "a b.txt"),
        ("..", ".."),
        ("///", "file"),
    ],
)
def test_the_name_of_a_file_has_no_folders_and_no_controls(tmp_path: Path, path: str, name: str) -> None:
    files = WaitingFiles(tmp_path / "uploads")
    assert kept(files, path, b"text").name == name
    assert [path.parent.name for path in tmp_path.rglob("*") if path.is_file()] == ["uploads"]


@pytest.mark.parametrize("id", ["", "..", "../secret", "x" * 48, "A" * 48])
def test_an_id_is_never_a_path(tmp_path: Path, id: str) -> None:
    (tmp_path / "secret").write_bytes(b'["secret","text/plain"]\nsecret')
    (tmp_path / "uploads").mkdir()
    files = WaitingFiles(tmp_path / "uploads")
    assert files.load([id]) == [None]
    files.remove([id])
    assert (tmp_path / "secret").exists()


def test_a_file_that_is_too_large_or_unreadable_leaves_nothing_behind(tmp_path: Path) -> None:
    files = WaitingFiles(tmp_path)
    arriving = files.begin("me", "long.txt")
    arriving.add(b"x" * TEXT_LIMIT)
    with pytest.raises(AttachmentRefused, match=r"long\.txt is larger than 2 MB, the limit for a text\."):
        arriving.add(b"x")
    arriving.close()
    arriving = files.begin("me", "a.pdf")
    arriving.add(b"%PDF-1.7 and so on")
    arriving.expect(PDF_LIMIT)
    with pytest.raises(AttachmentRefused, match="larger than 50 MB, the limit for a PDF"):
        arriving.expect(PDF_LIMIT + 1)
    arriving.close()
    for content, words in ((b"", "is empty"), (b"\0\1", "neither an image"), (b"....ftypheic\0\0....", "a HEIC image")):
        with pytest.raises(AttachmentRefused, match=words):
            kept(files, "file", content)
    assert list(tmp_path.iterdir()) == []


def test_files_of_one_owner_are_bounded_in_number_and_size(tmp_path: Path) -> None:
    files = WaitingFiles(tmp_path)
    arriving = [files.begin("me", "a") for _ in range(ARRIVING)]
    with pytest.raises(AttachmentRefused, match="Too many files"):
        files.begin("me", "b")
    for each in arriving:
        each.close()
    for _ in range(FILES):
        kept(files, "a", b"text")
    with pytest.raises(AttachmentRefused, match="Too many files"):
        files.begin("me", "b")
    kept(files, "b", b"text", owner="you")


def test_what_nobody_looks_at_is_removed(tmp_path: Path) -> None:
    now = [1_000_000.0]
    files = WaitingFiles(tmp_path, clock=lambda: now[0])
    one, other = kept(files, "a", b"text"), kept(files, "b", b"text")
    for id in (one.id, other.id):
        os.utime(tmp_path / id, (now[0], now[0]))
    now[0] += UNUSED_SECONDS - 1
    assert files.beginning(one.id) is not None
    now[0] += 2
    files.remove_unused()
    assert [file is not None for file in files.load([one.id, other.id])] == [True, False]
