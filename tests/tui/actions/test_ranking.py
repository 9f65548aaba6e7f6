"""Which action a typed word means: the words that people use, each with the action that must be first."""

from __future__ import annotations

import pytest

from chat_tui.tui.actions.action import split_words
from chat_tui.tui.actions.ranking import rank_texts, search_text
from chat_tui.tui.actions.table import TABLE
from chat_tui.tui.chat.screen import command_palette

LISTED = [row for row in TABLE if command_palette.is_listed(row)]
TEXTS = [
    search_text(row.name, (*split_words(row.words), *split_words(row.slash)), row.help, grave=row.grave)
    for row in LISTED
]

WORDS = {
    "answer.cancel": ("stop", "cancel", "abort", "interrupt"),
    "answer.continue": ("continue", "go on"),
    "answer.figures": ("tokens", "token count", "speed"),
    "answer.pause": ("pause",),
    "answer.regenerate": ("retry", "redo", "regenerate", "regen", "try again", "another answer", "reroll"),
    "answer.regenerate_with": ("other model", "regenerate with"),
    "answer.route": ("why", "route", "routing", "explain"),
    "answer.good": ("like", "thumbs up", "good"),
    "answer.bad": ("dislike", "bad"),
    "app.quit": ("quit", "exit", "q", "close"),
    "app.suspend": ("suspend", "shell"),
    "change.undo": ("undo", "revert"),
    "code.copy": ("copy code", "code", "snippet", "copy code block"),
    "code.save": ("save", "save code"),
    "compare.open": ("compare", "compare models", "side by side", "vs"),
    "context.open": ("context", "context window"),
    "conversation.copy": ("copy all", "copy conversation"),
    "conversation.delete": ("delete", "delete conversation", "erase"),
    "conversation.export": ("export", "share", "save chat", "markdown"),
    "conversation.new": ("new chat", "clear", "new", "new conversation", "reset", "start over", "clear chat"),
    "conversation.pin": ("pin", "unpin", "favourite", "star", "bookmark"),
    "conversation.private": ("private", "incognito", "temporary"),
    "conversation.rename": ("rename", "title", "name"),
    "file.attach": ("attach", "file", "upload", "image", "pdf"),
    "find.open": ("find", "find in conversation"),
    "memory.remember": ("remember", "about me"),
    "memory.show": ("memory", "agents.md", "remembered"),
    "models.forget": ("forget", "remove model"),
    "help.open": ("help", "keys", "shortcuts", "keyboard", "hotkeys"),
    "history.import": ("import", "chatgpt"),
    "history.open": ("history", "chats", "conversations"),
    "history.search": ("search", "search messages", "grep"),
    "history.toggle": ("sidebar",),
    "models.auto": ("auto", "automatic"),
    "models.open": ("model", "models", "switch model", "change model"),
    "models.get": ("local model", "better model", "get a better local model"),
    "providers.add": ("provider", "add provider", "api key", "login"),
    "servers.add": ("server", "add server", "ollama"),
    "adaptive.toggle": ("adaptive",),
    "preset.open": ("preset", "presets", "persona", "template"),
    "prompt.write_outside": ("editor", "vim"),
    "question.edit": ("edit", "resend", "edit message", "edit and resend", "rewrite"),
    "request.temperature": ("temperature", "temp", "creativity", "change temperature", "set temperature"),
    "request.set": ("top_p", "seed", "request settings"),
    "request.thinking": ("thinking", "effort", "reasoning", "reasoning effort"),
    "request.max_tokens": ("max tokens", "max_tokens", "answer length"),
    "settings.open": ("settings", "config", "preferences", "options"),
    "stats.show": ("stats", "cost", "price", "budget", "usage", "statistics", "spending"),
    "deleted.open": ("restore", "undelete", "trash", "bin"),
    "strategy.next": ("strategy",),
    "system.set": ("system", "system prompt", "prompt", "instructions"),
    "theme.choose": ("theme", "dark", "light", "dark mode", "colors", "colours"),
    "transcript.copy": ("copy", "copy answer", "clipboard"),
    "transcript.fold": ("show thinking", "thoughts"),
    "turn.branch": ("branch", "fork"),
    "version.compare": ("diff", "compare versions"),
}

FROM_OTHER_PROGRAMS = {
    "answer.cancel": ("stop generating", "stop generation", "halt"),
    "answer.continue": ("continue generating", "keep going", "finish the answer"),
    "answer.regenerate": ("regenerate response", "ask again", "retry answer", "rerun"),
    "answer.regenerate_with": ("retry with", "try another model", "regenerate with another model"),
    "answer.good": ("good response", "upvote", "rate"),
    "answer.bad": ("bad response", "thumbs down", "downvote"),
    "answer.figures": ("latency", "tokens per second", "tps", "info"),
    "answer.route": ("why this model", "fallback", "attempts"),
    "transcript.copy": ("copy response", "copy message", "yank", "copy last answer"),
    "transcript.fold": ("show reasoning", "hide thinking", "chain of thought"),
    "transcript.select": ("select", "visual mode", "select text"),
    "conversation.new": ("start new chat", "new thread", "empty session", "clear context", "new session"),
    "conversation.private": ("temporary chat", "incognito chat", "private chat"),
    "conversation.delete": ("delete chat", "remove chat"),
    "conversation.rename": ("rename chat", "edit title", "change title"),
    "conversation.pin": ("pin chat", "favorite"),
    "conversation.export": ("export chat", "download chat", "save conversation", "save session", "export to markdown"),
    "conversation.copy": ("copy chat", "copy whole conversation"),
    "conversation.open": ("open chat", "switch chat", "resume", "load chat"),
    "history.import": ("import chat", "migrate"),
    "history.open": ("previous chats", "sessions", "recent chats", "list chats", "past chats"),
    "history.search": ("search chats", "search history"),
    "find.open": ("find in chat", "search in chat"),
    "models.open": ("select model", "pick model", "choose model", "llm"),
    "providers.add": ("openai", "add key", "set api key", "add model", "sign in"),
    "servers.add": ("lm studio", "vllm", "base url", "endpoint"),
    "models.get": ("qwen", "llama", "gguf", "download model"),
    "preset.open": ("role", "agent", "character", "prompt library"),
    "system.set": ("custom instructions", "set system prompt", "personalization"),
    "request.set": ("parameters", "sampling", "top p", "stop sequence", "top k"),
    "request.thinking": ("extended thinking", "think"),
    "request.max_tokens": ("max length", "maximum length", "response length"),
    "settings.open": ("price limit", "spending limit", "timeout", "configure", "customize", "edit config", "setup"),
    "theme.choose": ("appearance", "light mode", "color scheme"),
    "stats.show": ("billing", "bill", "costs", "usage statistics", "money"),
    "help.open": ("manual", "keyboard shortcuts", "key bindings", "commands"),
    "app.quit": ("leave", "bye", "close app"),
    "file.attach": ("add file", "photo", "add image", "upload file", "document"),
    "context.open": ("context usage", "what is sent"),
    "history.toggle": ("toggle sidebar", "hide sidebar", "show sidebar"),
    "stats.toggle": ("toggle stats", "side panel"),
    "prompt.write_outside": ("external editor", "emacs", "multiline"),
    "code.save": ("save to file", "write file"),
    "turn.branch": ("branch conversation", "branch in new chat", "split"),
    "compare.open": ("arena", "multiple models", "several models"),
    "deleted.open": ("recycle bin", "recover", "deleted chats", "restore chat"),
    "change.undo": ("take back", "undo delete"),
    "insights.toggle": ("word count", "sentiment"),
}
"""What people type who come from ChatGPT, Claude, Open WebUI, aichat, elia or oterm."""

ALL_WORDS = [(word, id) for table in (WORDS, FROM_OTHER_PROGRAMS) for id, words in table.items() for word in words]


def found(typed: str, used: dict[str, int] | None = None) -> list[str]:
    """The ids of what the palette shows for these words, best first."""
    return [LISTED[place].id for place in rank_texts(typed, TEXTS, [(used or {}).get(row.id, 0) for row in LISTED])]


def test_the_word_that_people_use_finds_the_action_first() -> None:
    typed = [(form, id) for word, id in ALL_WORDS for form in (word, word.upper() + " ")]
    assert {form: found(form)[:1] for form, _ in typed} == {form: [id] for form, id in typed}


def test_many_words_are_tried() -> None:
    assert len(ALL_WORDS) == len(dict(ALL_WORDS)) >= 200


GRAVE = {row.id for row in LISTED if row.grave}


def test_what_ends_or_deletes_is_marked() -> None:
    assert {"app.quit", "conversation.delete"} <= GRAVE


@pytest.mark.parametrize("typed", ["dlt", "qt", "qit", "dark", "login", "clear", "undo this", "arrived", "10 seconds"])
def test_nothing_grave_is_found_by_letters_or_by_its_help(typed: str) -> None:
    assert not GRAVE.intersection(found(typed))


def test_names_come_before_words_and_words_before_their_beginnings() -> None:
    rows = ("Model list", "Open the model", "Choose models", "Remodel it", "Choose")
    texts = [search_text(name) for name in (*reversed(rows), "Model")]
    assert [([*reversed(rows), "Model"])[place] for place in rank_texts("model", texts, [0] * 6)] == [
        "Model",
        "Model list",
        "Open the model",
        "Choose models",
        "Remodel it",
    ]


def test_letters_in_their_order_count_only_in_names_and_only_where_nothing_else_fits() -> None:
    texts = [search_text("Regenerate", help="abc xyz"), search_text("Rename")]
    assert list(rank_texts("rgnrt", texts, [0, 0])) == [0]
    assert list(rank_texts("rnm", texts, [0, 0])) == [1]
    assert not rank_texts("axz", texts, [0, 0])
    assert not rank_texts("rn", texts, [0, 0])


def test_what_was_used_last_is_first_among_equals_only() -> None:
    assert found("copy")[0] == "transcript.copy"
    assert found("copy", {"conversation.copy": 5})[:2] == ["transcript.copy", "conversation.copy"]
    assert found("copy the", {"conversation.copy": 5})[0] == "conversation.copy"
