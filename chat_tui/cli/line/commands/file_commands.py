"""The commands of line mode on files: attaching, analysing, copying, saving, exporting and importing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from chat_tui.cli.attached_files import describe_attached, read_attachments
from chat_tui.cli.line.command_registry import line_command
from chat_tui.cli.line.commands.setting_commands import use_preset
from chat_tui.cli.line.line_chat import LineChat, say, speaker_of
from chat_tui.cli.line.word_completion import WordCompletion, complete_argument, complete_path
from chat_tui.config import presets
from chat_tui.core.attachments.attachment import of_bytes
from chat_tui.core.attachments.clipboard_content import read_clipboard
from chat_tui.core.errors import ClipboardError, CommandError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.processes import console
from chat_tui.core.settings.preset import question_about
from chat_tui.core.text.excerpts import shorten
from chat_tui.markdown.code_blocks import CodeBlock, codes
from chat_tui.markdown.splitter import split
from chat_tui.tui.actions import code_file, export_file
from chat_tui.tui.terminal.clipboard import Clipboard

_FORMS = ("markdown", "html", "json")


def _complete_path(_: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_path(typed)


def _complete_export(_: LineChat, typed: str) -> Sequence[WordCompletion]:
    form, space, file = typed.partition(" ")
    if space and form in _FORMS:
        return complete_path(file)
    return [*complete_argument(typed, _FORMS), *complete_path(typed)]


def _complete_attached(chat: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_argument(typed, [file.name for file in chat.attachments])


@line_command("attach", _complete_path)
async def _attach(chat: LineChat, name: str) -> None:
    if not name:
        raise CommandError("No file was named.", "For example: /attach notes.txt")
    chat.attachments += await asyncio.to_thread(read_attachments, [_unquoted(name)])
    say(f"[{describe_attached(chat.attachments)}; they go with the next message]")


def _unquoted(name: str) -> str:
    """Return a path as shells write it, without its quotation marks."""
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'" else name


@line_command("paste")
async def _paste(chat: LineChat, _: str) -> None:
    content = await read_clipboard(os.environ)
    chat.attachments.append(content.image or of_bytes("clipboard.txt", content.text.encode()))
    say(f"[{describe_attached(chat.attachments)}; they go with the next message]")


@line_command("detach", _complete_attached)
async def _detach(chat: LineChat, name: str) -> None:
    found = next((file for file in reversed(chat.attachments) if not name or file.name == name), None)
    if found is None:
        raise CommandError("No such attachment." if name else "No file is attached.", "/attach attaches one.")
    chat.attachments = [file for file in chat.attachments if file is not found]
    say(f"[no longer attached: {found.name}]")


@line_command("analyse", _complete_path)
async def _analyse(chat: LineChat, typed: str) -> None:
    name, _, question = typed.partition(" ")
    if not name:
        raise CommandError("No file was named.", "Type /analyse FILE and then your question.")
    files = await asyncio.to_thread(read_attachments, [_unquoted(name)])
    preset = await asyncio.to_thread(presets.find, "analyse", presets.folders())
    chat.begin()
    await use_preset(chat, "analyse")
    chat.attachments = files
    await chat.ask(question.strip() or question_about(preset, [file.name for file in files]))


# -- copying and saving -------------------------------------------------------------------------------------------


@line_command("copy")
async def _copy(chat: LineChat, what: str) -> None:
    if what.casefold() == "all":
        path = (await chat.conversation()).path
        text = "\n\n".join(f"## {speaker_of(turn)}\n\n{turn.text}" for turn in path) + "\n"
    elif what:
        blocks = await _code_blocks(chat)
        text = blocks[code_file.parse_argument(what, len(blocks))[0] - 1].text
    else:
        text = (await chat.last_answer()).text
    copied = await Clipboard(_send, os.environ).copy(text)
    say(f"[{copied.title}: {copied.more}]")


def _send(sequence: str) -> None:
    """Ask the terminal to copy. Raises `ClipboardError` where it would only show the escape sequence."""
    if not console.output_is_terminal() or os.environ.get("TERM", "dumb") == "dumb":
        raise ClipboardError(
            "Nothing was copied: no program for the clipboard is here, and the terminal cannot copy.",
            "/save writes a code block to a file, /export the conversation.",
        )
    console.write_data(sequence)


async def _code_blocks(chat: LineChat) -> Sequence[CodeBlock]:
    """Return the code blocks of the last answer. Raises `CommandError` if it has none."""
    text = (await chat.last_answer()).text
    found = await asyncio.to_thread(lambda: codes(split(text)))
    if not found:
        raise CommandError("The last answer has no code block.", "/export writes the whole conversation.")
    return found


@line_command("save")
async def _save(chat: LineChat, argument: str) -> None:
    blocks = await _code_blocks(chat)
    number, named = code_file.parse_argument(argument, len(blocks))
    code = blocks[number - 1]
    file = code_file.path_of(named, code_file.suggested_name(code, number))
    content = await asyncio.to_thread(code_file.content_of, code)
    hint = "The code is unchanged. Try another file: /save 1 ~/code.py"
    written = await asyncio.to_thread(export_file.write, content, file, hint)
    say(f"[code block {number} saved to {written}]")


@line_command("export", _complete_export)
async def _export(chat: LineChat, argument: str) -> None:
    conversation = await chat.conversation()
    form, file = await asyncio.to_thread(export_file.parse_argument, argument, conversation.title)
    text = await chat.engine.conversations.export(conversation.id, form)
    say(f"[written to {await asyncio.to_thread(export_file.write, text, file)}]")


@line_command("import", _complete_path)
async def _import(chat: LineChat, name: str) -> None:
    if not name:
        raise CommandError("No file was named.", "For example: /import ~/Downloads/chatgpt-export.zip")
    say(f"[importing {shorten(name, 200)}]")
    report = await chat.engine.import_file(expand_home(_unquoted(name)), lambda _part, _turns: None)
    say(f"[{report.summary()}]")
