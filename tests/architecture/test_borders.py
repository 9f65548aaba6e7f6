"""Where control characters are removed: where text comes in, and in what writes for a person. Nowhere in between.

Text from outside (models, servers, files, imports, the config, what is pasted) is cleaned once, where it comes in. What
is shown passes one writer for each face. Code in between relies on both, and need not ask where a text comes from.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.test_layers import modules

CLEANERS = {"clean", "clean_line", "sanitize", "single_line", "without_controls", "StreamCleaner", "clean_in_pieces"}
HOME = {"core.text.control_characters", "core.text.sanitizer", "engine.cleaning"}

COMES_IN = {
    "cli.commands.chat": "a question and a system prompt on the command line",
    "cli.line.commands.setting_commands": "a system prompt that is typed",
    "cli.commands.tui": "a question and a system prompt on the command line",
    "cli.doctor.checkup": "values of variables and names of packages",
    "cli.options.value_types": "names of models on the command line",
    "cli.question": "words and standard input",
    "config.load": "the config file",
    "config.presets": "preset files",
    "core.attachments.attachment": "names of files, and the text of a PDF",
    "core.attachments.clipboard_content": "the clipboard",
    "core.files.path_text": "names of files that completion offers",
    "core.settings.conversation_settings": "settings that were typed or stored",
    "core.settings.preset": "values that were typed, and stored presets",
    "engine.answers.summarizer": "a summary that a person has changed",
    "engine.answers.titles": "titles that a model writes",
    "engine.conversations.conversations": "titles from any face",
    "engine.engine": "questions from any face",
    "engine.insights.plugins": "figures of plug-ins",
    "tui.widgets.argument_rows": "arguments of tool calls, whose JSON may hold escaped controls",
    "engine.tools.loop": "results of tools, and what a person says to a model",
    "history.search.matches": "passages of stored texts, which may begin or end within a control sequence",
    "history.stored_text": "the store, which an earlier version or another program may have written",
    "history.transfer.archive": "names of files in an archive",
    "history.transfer.importer": "names of records that cannot be imported",
    "history.transfer.records": "imported conversations",
    "local.gguf": "fields of a model file",
    "local.server": "what the model's process writes to standard error",
    "providers.dialects.parsing.server_errors": "error messages of servers",
    "providers.discovery.model_list": "model names of servers",
    "providers.http.exceptions": "texts of errors, before keys in them are replaced",
    "providers.http.status_errors": "bodies and headers of errors, before keys in them are replaced",
    "routing.execution.accounting": "replies of models, also through dialects of plug-ins",
    "tools.builtin.own_tools": "files that are read",
    "tools.builtin.page_reader": "web pages",
    "tools.builtin.shared_folders": "names of files",
    "tools.foreign_configs": "configs of other programs",
    "tools.worker.authorization": "errors of authorization servers",
    "tools.worker.content_lists": "names, descriptions and URIs of prompts and resources",
    "tools.worker.contents": "prompts and resources",
    "tools.worker.http_transport": "errors of tool servers",
    "tools.worker.results": "results of tools",
    "tools.worker.server_session": "errors of tools",
    "tools.worker.tool_list": "names, descriptions and schemas of tools",
    "tools.worker_process": "what tool servers write to standard error",
    "config.memory.memory_file": "the memory, and notes of folders",
    "config.memory.user_memory": "what is to be remembered",
    "tui.prompt.paste_placeholders": "what is pasted",
    "tui.terminal.input_splitter": "what the terminal sends",
    "web.api.choice.setting_choice": "stop texts of conversations",
    "web.api.stream": "questions of clients",
    "web.openai.requests": "messages of clients",
    "web.openai.legacy": "prompts of clients",
    "web.gateway.documents": "texts and names of documents of clients",
    "web.gateway.tools": "calls and results in messages of clients",
    "web.anthropic.requests": "requests of web clients",
    "web.responses.requests": "requests of web clients",
}

GOES_OUT = {
    "cli.commands.auth": "the prompt for a key, which is written by `getpass`",
    "cli.output.crash_report": "the crash report, a file",
    "core.errors": "errors, which quote what could not be understood",
    "core.processes.console": "standard output and standard error",
    "history.transfer.markdown": "an export, a file",
    "tui.prompt.completion": "the list of completions, which draws its own lines",
    "tui.terminal.clipboard": "the clipboard",
    "tui.terminal.control_filter": "every line that is drawn",
    "tui.terminal.desktop_notice": "a notice of the desktop",
    "tui.terminal.driver": "the window's title",
    "tui.transcript.render.wrapping": "headers and notes of the transcript",
    "tui.transcript.render.zero_width": "text of the transcript",
    "tui.widgets.styled_lines": "lines of widgets",
    "tui.widgets.argument_rows": "arguments of tool calls",
    "markdown.html.safe_html": "HTML",
    "web.ops.access_log": "the access log",
}


def cleaning(tree: ast.Module) -> Iterator[int]:
    """The lines that call a function which removes control characters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLEANERS:
            yield node.lineno


def test_control_characters_are_removed_only_where_text_comes_in_or_goes_out() -> None:
    found = {module.removeprefix("chat_tui."): list(cleaning(tree)) for module, tree in modules().items()}
    borders = HOME | COMES_IN.keys() | GOES_OUT.keys()
    wrong = [f"{module}: line {', '.join(map(str, lines))}" for module, lines in found.items() if lines]
    wrong = [place for place in wrong if place.partition(":")[0] not in borders]
    assert not wrong, (
        "Text is clean between the borders. If it comes from outside here, name the module in COMES_IN; to cut a text "
        "for display, use `core.text.excerpts.shorten`.\n" + "\n".join(wrong)
    )
    unused = sorted(module for module in borders if not found.get(module))
    assert not unused, f"no borders any more: {unused}"
