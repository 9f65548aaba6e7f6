"""What a command asks, from its options and standard input: the question, its files, its preset and its model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from chat_tui.cli.attached_files import describe_attached, describe_missing, read_attachments, read_named
from chat_tui.config import presets
from chat_tui.core.attachments.attachment import PDF_LIMIT, Attachment, is_no_text, of_bytes
from chat_tui.core.errors import AttachmentRefused, ChatTuiError, CommandError
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.settings.preset import Preset, question_about, with_values
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.protocols import PageSource

STDIN_LIMIT = 16 * 1024 * 1024
"""Bytes of text that are read from standard input; images and PDFs have limits of their own."""


class Question(msgspec.Struct, frozen=True):
    """A question from the command line."""

    text: str
    attachments: Sequence[Attachment] = ()
    preset: Preset | None = None
    system: str | None = None
    """The system prompt; None: that of the preset or the config."""

    @property
    def new_conversation(self) -> NewConversation:
        """The conversation that the question starts."""
        return NewConversation(self.system, self.preset)


def read_checked_question(
    options: argparse.Namespace, command: str, *, noun: str = "question", more: str = ""
) -> Question | None:
    """Return the question of a command if it, the model and the strategy can be used; else report why not. Blocks.

    `noun` and `more` are what the command's usage calls the question, and what follows it there.
    """
    if wrong := model_choice_error(options):
        write_error(wrong)
        return None
    try:
        question = read_question(options)
    except ChatTuiError as error:
        report_error(error)
        return None
    if question.text.strip():
        return question
    if question.attachments:
        attach, why = "--attach FILE ", f"add a {noun} about the files"
    else:
        attach, why = "", f"no {noun} was given, and standard input is empty"
    write_error(f"usage: chat-tui {command} {attach}{noun.upper()}{more}\nchat-tui: {why}.\n")
    return None


def read_question(options: argparse.Namespace, pages: PageSource | None = None) -> Question:
    """Read the question with its preset, its files and its web pages. Blocks. Raises `AttachmentRefused`,
    `CommandError`, `ConfigError`.

    `@path` in the words of the question attaches a file; in what comes by standard input it is text, which another
    program may have written. Standard input follows the words of the question; it is attached as a file if it is no
    text, or if the preset works on a document.
    """
    preset = read_preset(options)
    text, piped = " ".join(options.question), _read_stdin()
    attachments: list[Attachment] = []
    for name in dict.fromkeys(options.attach):
        attachments += [_attach_stdin(piped)] if name == "-" else read_attachments([name], pages)
    attachments += _read_named(options, text, attachments, pages)
    if "-" in options.attach:
        piped = b""
    if preset is not None and preset.document:
        if piped.strip():
            attachments.append(_attach_stdin(piped))
        if attachments and not text.strip():
            text = question_about(preset, [file.name for file in attachments])
    elif is_no_text(piped) or b"\0" in piped:
        attachments.append(_attach_stdin(piped))
    else:
        text = "\n\n".join(filter(None, [text, piped.decode("utf-8", "replace").strip("\n")]))
    system = getattr(options, "system", None)
    return Question(clean(text), attachments, preset, None if system is None else clean(system))


def _attach_stdin(piped: bytes) -> Attachment:
    """Return standard input as an attachment. Raises `AttachmentRefused`."""
    if not piped:
        is_terminal = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
        why = "Nothing is piped into standard input." if is_terminal else "Standard input is empty."
        raise AttachmentRefused(why, "`-a -` attaches what is piped, such as: cat FILE | chat-tui ask -a - QUESTION")
    return of_bytes("standard input", piped, text_limit=STDIN_LIMIT)


def _read_named(
    options: argparse.Namespace, text: str, attached: Sequence[Attachment], pages: PageSource | None
) -> list[Attachment]:
    """Read what the words of the question name as `@path`, besides what is attached, and say so. Raises
    `AttachmentRefused`."""
    named = read_named(text, pages, is_typed=False)
    files = [file for file in named.files if file not in attached]
    if files and getattr(options, "verbose", False):
        write_error(f"[{describe_attached(files)}]\n")
    if named.missing and not getattr(options, "quiet", False):
        write_error(f"[{describe_missing(named.missing)}]\n")
    return files


def read_preset(options: argparse.Namespace) -> Preset | None:
    """Read the preset of `--preset` with the values of `--set`. Blocks. Raises `CommandError`, `ConfigError`."""
    pairs = [text.partition("=") for text in options.set or ()]
    for name, sign, _ in pairs:
        if not sign:
            raise CommandError(f"--set {shorten(name, 40)} has no value.", "Write --set name=value.")
    if options.preset is None:
        if pairs:
            raise CommandError("--set needs --preset.", "For example: --preset translate --set language=French.")
        return None
    preset = presets.find(options.preset, presets.folders())
    return with_values(preset, {name.strip(): value for name, _, value in pairs})


def model_choice_error(options: argparse.Namespace) -> str:
    """Return what is wrong with `--strategy` or `--model`, ready for stderr; empty if nothing is."""
    from chat_tui.routing.ranking.strategies import names, plug_ins

    if options.strategy is not None and options.strategy not in names() and options.strategy not in plug_ins():
        known = ", ".join([*names(), *plug_ins()])
        return f"chat-tui: unknown strategy {options.strategy!r}. Known: {known}.\n"
    if options.model is not None and not all(options.model.partition("/")):
        return "chat-tui: write a model as provider/model, such as local/smollm2-135m.\n"
    return ""


def _read_stdin() -> bytes:
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return b""
    piped = b""
    with suppress(OSError):
        piped = sys.stdin.buffer.read(STDIN_LIMIT + 1)
        if is_no_text(piped):
            return piped + sys.stdin.buffer.read(PDF_LIMIT + 1 - len(piped))
    if len(piped) <= STDIN_LIMIT:
        return piped
    write_error("chat-tui: only the first 16 MB of standard input are read.\n")
    # Not in the middle of a character.
    end = next((end for end in range(STDIN_LIMIT, STDIN_LIMIT - 4, -1) if piped[end] & 0xC0 != 0x80), STDIN_LIMIT)
    return piped[:end]
