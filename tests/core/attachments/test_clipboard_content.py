"""The clipboard: an image or a text by what it is, whatever program reads it, within limits of time and size."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from chat_tui.core.attachments.attachment import TEXT_LIMIT
from chat_tui.core.attachments.clipboard_content import read_clipboard
from chat_tui.core.errors import ClipboardError
from tests.support.clipboard_programs import PNG, WAYLAND, put_program, put_wl_paste, with_programs

X = {"DISPLAY": ":0"}
WSL = {"WSL_DISTRO_NAME": "Debian"}
SSH = {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
JPEG = b"\xff\xd8\xff\xe0 a picture"


@pytest.mark.parametrize(
    ("programs", "environment", "platform"),
    [
        (
            {"wl-paste": 'case "$*" in *list-types) echo text/html; echo image/png;; *image/png) CAT;; esac'},
            WAYLAND,
            "",
        ),
        ({"xclip": 'case "$*" in *TARGETS) echo TARGETS; echo image/png;; *image/png) CAT;; esac'}, X, ""),
        ({"pngpaste": "CAT"}, {}, "darwin"),
        ({"pngpaste": "exit 1", "osascript": 'printf "%s" "«data PNGfHEX»"'}, {}, "darwin"),
        ({"powershell.exe": 'printf "%s" BASE64'}, WSL, ""),
        # The clipboard that WSL offers to programs of Linux has images of another kind.
        ({"wl-paste": "echo image/bmp", "powershell.exe": 'printf "%s" BASE64'}, WSL | WAYLAND, ""),
    ],
)
async def test_an_image_is_read_with_what_is_there(
    tmp_path: Path, programs: Mapping[str, str], environment: Mapping[str, str], platform: str
) -> None:
    (tmp_path / "image").write_bytes(PNG)
    for name, script in programs.items():
        script = script.replace("CAT", f"/bin/cat {tmp_path}/image").replace("HEX", PNG.hex().upper())
        put_program(tmp_path, name, script.replace("BASE64", base64.b64encode(PNG).decode()))
    found = await read_clipboard(with_programs(tmp_path, environment), platform=platform)
    assert found.image is not None
    assert (found.image.name, found.image.media_type, found.image.content) == ("clipboard.png", "image/png", PNG)
    assert not found.text


@pytest.mark.parametrize(
    ("programs", "environment", "platform"),
    [
        ({"wl-paste": 'case "$*" in *list-types) echo text/plain;; *) printf "SAID";; esac'}, WAYLAND, ""),
        ({"xclip": 'case "$*" in *TARGETS) exit 1;; *-out) printf "SAID";; esac'}, X, ""),
        ({"xclip": "exit 1", "xsel": 'printf "SAID"'}, X, ""),
        ({"pngpaste": "exit 1", "osascript": "exit 1", "pbpaste": 'printf "SAID"'}, {}, "darwin"),
        ({"powershell.exe": 'printf "%s" BASE64'}, WSL, ""),
    ],
)
async def test_a_text_is_read_where_there_is_no_image(
    tmp_path: Path, programs: Mapping[str, str], environment: Mapping[str, str], platform: str
) -> None:
    said = r"/etc/passwd\r\nsay \033[31mhi"
    for name, script in programs.items():
        whole = base64.b64encode(b"/etc/passwd\r\nsay \x1b[31mhi").decode()
        put_program(tmp_path, name, script.replace("SAID", said).replace("BASE64", whole))
    found = await read_clipboard(with_programs(tmp_path, environment), platform=platform)
    # A path is a text like any other, and nothing in it is obeyed.
    assert (found.image, found.text) == (None, "/etc/passwd\nsay hi")


async def test_what_it_is_decides_and_not_what_it_is_said_to_be(tmp_path: Path) -> None:
    put_wl_paste(tmp_path, types="image/png", image=JPEG)
    found = await read_clipboard(with_programs(tmp_path))
    assert found.image is not None
    assert (found.image.name, found.image.media_type) == ("clipboard.jpg", "image/jpeg")
    put_wl_paste(tmp_path, types="image/png", image=b"<svg/>", text=b"words")
    assert (await read_clipboard(with_programs(tmp_path))).text == "words"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        (SSH | WAYLAND | X, ("your own machine", "scp")),
        (WAYLAND, ("No program", "Install wl-clipboard")),
        (X, ("No program", "Install xclip")),
        ({}, ("No program", "attach it with @path")),
    ],
)
async def test_where_nothing_serves_it_says_what_to_do_instead(
    tmp_path: Path, environment: Mapping[str, str], wanted: tuple[str, str]
) -> None:
    if "SSH_CONNECTION" in environment:
        put_wl_paste(tmp_path, types="image/png", image=PNG)
    with pytest.raises(ClipboardError) as told:
        await read_clipboard(with_programs(tmp_path, environment), platform="linux")
    assert wanted[0] in told.value.title
    assert wanted[1] in told.value.hint


async def test_nothing_and_what_cannot_be_sent_are_told(tmp_path: Path) -> None:
    put_wl_paste(tmp_path)
    with pytest.raises(ClipboardError, match="no image and no text"):
        await read_clipboard(with_programs(tmp_path))
    put_wl_paste(tmp_path, types="image/tiff")
    with pytest.raises(ClipboardError, match="Its image is image/tiff"):
        await read_clipboard(with_programs(tmp_path))
    put_wl_paste(tmp_path, text=b"\x00\xff\xfe")
    with pytest.raises(ClipboardError, match="no image and no text"):
        await read_clipboard(with_programs(tmp_path))


async def test_time_and_size_are_limited(tmp_path: Path) -> None:
    # It has ended when its time is over, since it is waited for then.
    put_program(tmp_path, "wl-paste", "exec /bin/sleep 600")
    with pytest.raises(ClipboardError, match="wl-paste did not answer"):
        await read_clipboard(with_programs(tmp_path), most_seconds=0.05)
    put_wl_paste(tmp_path, text=b"a" * (TEXT_LIMIT + 1))
    with pytest.raises(ClipboardError, match="larger than 2 MB"):
        await read_clipboard(with_programs(tmp_path))
    # One that never ends is not waited for.
    put_program(tmp_path, "wl-paste", 'case "$*" in *list-types) echo image/png;; *) exec /bin/cat /dev/zero;; esac')
    with pytest.raises(ClipboardError, match="larger than 20 MB"):
        await read_clipboard(with_programs(tmp_path))
