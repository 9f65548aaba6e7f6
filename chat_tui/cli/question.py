"""The question of a command: its words, what comes on standard input, and the files that go along."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from chat_tui.cli.options.preset_options import preset_of
from chat_tui.cli.output.console import say
from chat_tui.core.attachments.attachment import Attachment, is_no_text, of_bytes, read
from chat_tui.core.new_conversation import NewConversation
from chat_tui.core.preset import Preset, question_about
from chat_tui.core.text.control_characters import clean

STDIN_LIMIT = 16 * 1024 * 1024
"""Bytes read from standard input."""


class Question(msgspec.Struct, frozen=True):
    """What a command asks."""

    text: str
    attachments: Sequence[Attachment] = ()
    preset: Preset | None = None

    @property
    def beginning(self) -> NewConversation:
        """What its conversation begins with."""
        return NewConversation(preset=self.preset)


def question_of(options: argparse.Namespace) -> Question:
    """The words with standard input behind them, and the files; a preset that works through a document takes standard
    input for one. Raises `AttachmentRefused`, `CommandError`, `ConfigError`."""
    preset = preset_of(options)
    text, piped = " ".join(options.question), _piped()
    attachments = [read(Path(file).expanduser()) for file in options.attach]
    if preset is not None and preset.document:
        if piped.strip():
            attachments.append(of_bytes("standard input", piped))
        if attachments and not text.strip():
            text = question_about(preset, [file.name for file in attachments])
        return Question(clean(text), attachments, preset)
    if is_no_text(piped):
        return Question(clean(text), [*attachments, of_bytes("standard input", piped)], preset)
    more = piped.decode("utf-8", "replace").strip("\n")
    return Question(clean(f"{text}\n\n{more}" if text and more else text or more), attachments, preset)


def _piped() -> bytes:
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return b""
    piped = b""
    with suppress(OSError):
        piped = sys.stdin.buffer.read(STDIN_LIMIT + 1)
    if len(piped) > STDIN_LIMIT:
        say("chat-tui: only the first 16 MB of standard input are read.\n")
    return piped[:STDIN_LIMIT]
