"""What a prompt asks for, judged by cheap features of its text within half a millisecond.

Once for each request: `with_features` attaches the features to the request, where the strategies read them.
Every step is linear in the text, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from itertools import islice, takewhile
from typing import NamedTuple

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.request import Request
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.core.usage.token_estimate import attachment_tokens, tool_tokens
from chat_tui.routing.ranking.difficulty import lower
from chat_tui.routing.ranking.follow_ups import difficulty_in_conversation

LOOKED_AT = 2000
"""Characters of the last question that are looked at: its beginning and its end."""
ATTACHED = 1000
"""Characters of its text files that are looked at."""
CHARACTERS_PER_TOKEN = 3.5
LANGUAGE_SAMPLE = 600
"""Characters from the beginning whose script is looked at."""
WRITING_REACH = 10
"""Words between "write" and what is to be written."""
CLAUSES = 100
"""So many clauses are looked through for a keyword: code has one among its first."""
KEYWORD_REACH = 40
"""Characters between a keyword of a programming language and the sign that shows that it is one."""

_CODE = frozenset(
    [
        "python",
        "javascript",
        "typescript",
        "rust",
        "golang",
        "java",
        "sql",
        "html",
        "css",
        "bash",
        "regex",
        "docker",
        "compiler",
        "traceback",
        "stacktrace",
        "refactor",
        "debug",
    ]
)
_CODE_PHRASES = (
    *("c++", "stack trace", "unit test", "null pointer", "api endpoint"),
    *("git commit", "git rebase", "git merge"),
)
_KEYWORDS = frozenset(
    ["def", "class", "import", "return", "SELECT", "function", "const", "var", "print", "println", "printf"]
)
_MATHS = frozenset(
    [
        "prove",
        "proof",
        "equation",
        "integral",
        "derivative",
        "theorem",
        "probability",
        "matrix",
        "polynomial",
        "calculate",
        "percent",
        "percentage",
    ]
)
_MATHS_PHRASES = ("solve for", "how many", "what is the sum")
_MATHS_SIGNS = (*"∫∑√≤≥", "\\frac", "\\int", "\\sum", "\\sqrt", "\\begin")
_VERSE = frozenset(["poem", "limerick", "haiku"])
_VERBS = frozenset(["write", "draft", "compose", "rewrite", "rephrase", "proofread"])
_FORMS = frozenset(
    [
        "story",
        "essay",
        "letter",
        "email",
        "mail",
        "blog",
        "article",
        "song",
        "speech",
        "novel",
        "paragraph",
        "slogan",
        "review",
        "post",
    ]
)
_THINKING = frozenset(
    [
        "prove",
        "compare",
        "tradeoff",
        "tradeoffs",
        "analyse",
        "analyze",
        "design",
        "plan",
        "puzzle",
        "riddle",
        "optimise",
        "optimize",
        "architecture",
        "strategy",
    ]
)
_THINKING_PHRASES = (
    *("step by step", "think hard", "think carefully", "think through", "explain why", "trade-off"),
    *("why does", "why do ", "why is ", "why are "),
)
_SCRIPTS = {
    "ja": "\u3040-\u30ff",
    "ko": "\uac00-\ud7af",
    "zh": "\u4e00-\u9fff",
    "ru": "\u0400-\u04ff",
    "ar": "\u0600-\u06ff",
    "he": "\u0590-\u05ff",
    "hi": "\u0900-\u097f",
    "th": "\u0e00-\u0e7f",
    "el": "\u0370-\u03ff",
}


class _Patterns(NamedTuple):
    """Each is linear: a long run is possessive, or bounded."""

    word: re.Pattern[str]
    ascii_word: re.Pattern[str]
    """A word of small letters without accents."""
    call: re.Pattern[str]
    tag: re.Pattern[str]
    clause_end: re.Pattern[str]
    formula: re.Pattern[str]
    sum: re.Pattern[str]
    foreign: re.Pattern[str]
    """A run of letters of any of the scripts that are told apart."""
    scripts: dict[str, re.Pattern[str]]


_PATTERNS = _Patterns(
    word=lazy_pattern(r"\w+"),
    ascii_word=lazy_pattern(r"(?<!\w)[a-z]++(?!\w)"),
    call=lazy_pattern(r"(?<=\w)(?:\(\w*+\)|::\w)"),
    tag=lazy_pattern(r"</\w"),
    clause_end=lazy_pattern(r"([.?!({;:=])"),
    formula=lazy_pattern(r"\$[^$\n]{2,60}+\$"),
    sum=lazy_pattern(r"\d\s*+[-+*/^×÷]\s*+\d"),
    foreign=lazy_pattern(f"[{''.join(_SCRIPTS.values())}]++"),
    scripts={name: lazy_pattern(f"[{letters}]++") for name, letters in _SCRIPTS.items()},
)


def with_features(request: Request) -> Request:
    """Return the request with its prompt's features; a request that has them is returned unchanged."""
    return request if request.features is not None else request.replace(features=_extract(request))


def features_of(request: Request) -> PromptFeatures:
    """Return the features of the request's last question and of the beginnings of its attached text files."""
    return request.features or _extract(request)


def _extract(request: Request) -> PromptFeatures:
    characters = sum([len(turn.text) for turn in request.turns]) + len(request.prompt)
    characters += sum(len(call.arguments) for turn in request.turns for call in turn.calls)
    # The results that the model is now asked with: they are always sent, as the question is.
    newest = takewhile(lambda turn: turn.role == "tool", reversed(request.turns)) if not request.prompt else ()
    with_files = [turn for turn in request.turns if turn.attachments]
    attached = [file for turn in with_files if turn.kept is not False for file in turn.attachments]
    questions = (turn for turn in reversed(request.turns) if turn.role == "user")
    asked = None if request.prompt else next(questions, None)
    own = asked.attachments if asked else ()
    question = asked.text if asked else request.prompt
    system = request.turns[0].text if request.turns and request.turns[0].role == "system" else ""
    text = _both_ends(question) + "".join(_beginning(file) for file in own if not file.is_image)[:ATTACHED]
    offered = tool_tokens(request.tools)
    small = lower(text)
    # The words that are looked for are all of these letters: of a text in other ones few are left.
    word = _PATTERNS.word if text.isascii() else _PATTERNS.ascii_word
    vocabulary = frozenset(word.findall(small))
    kind = _kind(text, small, vocabulary)
    thinking = not _THINKING.isdisjoint(vocabulary) or _any_in(_THINKING_PHRASES, small)
    return PromptFeatures(
        kind=kind,
        language=_language(text),
        tokens=int(characters / CHARACTERS_PER_TOKEN) + sum(map(attachment_tokens, attached)) + offered,
        last_tokens=int((len(question) + len(system) + sum(len(turn.text) for turn in newest)) / CHARACTERS_PER_TOKEN)
        + sum(map(attachment_tokens, own))
        + offered,
        images=any(file.is_image for file in attached),
        image_addresses=any(file.address for file in attached),
        thinking=thinking,
        tools=bool(request.tools),
        difficulty=round(difficulty_in_conversation(text, (turn.text for turn in questions)), 3),
    )


def _both_ends(question: str) -> str:
    if len(question) <= LOOKED_AT:
        return question
    return question[: LOOKED_AT // 2] + "\n" + question[-LOOKED_AT // 2 :]


def _beginning(file: Attachment) -> str:
    return "\n" + file.content[:ATTACHED].decode("utf-8", "replace")


def _kind(text: str, small: str, vocabulary: Set[str]) -> str:
    if not _CODE.isdisjoint(vocabulary) or _any_in(_CODE_PHRASES, small) or _holds_code(text, vocabulary):
        return "code"
    if not _MATHS.isdisjoint(vocabulary) or _any_in(_MATHS_PHRASES, small) or _holds_maths(text):
        return "math"
    return "writing" if _asks_to_write(small, vocabulary) or "short story" in small else ""


def _any_in(phrases: Iterable[str], text: str) -> bool:
    return any(phrase in text for phrase in phrases)


def _holds_code(text: str, vocabulary: Set[str]) -> bool:
    """A fence, a call, a path, a closing tag, or a keyword soon before a bracket, colon or the like."""
    patterns = _PATTERNS
    if "```" in text or "#include" in text or ("</" in text and patterns.tag.search(text)):
        return True
    if (")" in text or "::" in text) and patterns.call.search(text):
        return True
    if "SELECT" not in text and _KEYWORDS.isdisjoint(vocabulary):
        return False
    *clauses, _ = patterns.clause_end.split(text)
    ended = (clause for clause, end in zip(clauses[::2], clauses[1::2], strict=True) if clause and end not in ".?!")
    return any(
        not _KEYWORDS.isdisjoint(patterns.word.findall(clause[-KEYWORD_REACH:])) for clause in islice(ended, CLAUSES)
    )


def _holds_maths(text: str) -> bool:
    """A sign, a formula between dollars, or a sum that is asked for: `12 * 3` with `=` or `?` behind it."""
    patterns = _PATTERNS
    if _any_in(_MATHS_SIGNS, text) or patterns.formula.search(text):
        return True
    *asked, _ = text.replace("?", "=").split("=")
    return any(len(part) > 2 and patterns.sum.search(part, part.rfind("\n") + 1) for part in asked)


def _asks_to_write(small: str, vocabulary: Set[str]) -> bool:
    """Verse is named, or a kind of text soon behind a verb such as "write"."""
    if not _VERSE.isdisjoint(vocabulary):
        return True
    if _VERBS.isdisjoint(vocabulary) or _FORMS.isdisjoint(vocabulary):
        return False
    verb = -WRITING_REACH - 1
    for place, word in enumerate(_PATTERNS.word.findall(small)):
        if word in _VERBS:
            verb = place
        elif word in _FORMS and place - verb <= WRITING_REACH:
            return True
    return False


def _language(text: str) -> str:
    """By the script of its letters: kana before the characters that Japanese shares with Chinese."""
    if text.isascii():
        return ""
    sample = text[:LANGUAGE_SAMPLE]
    foreign = "".join(_PATTERNS.foreign.findall(sample))
    left = len(foreign)
    if left * 3 < len(sample) or not left:
        return ""
    counts: dict[str, int] = {}
    for name, letters in _PATTERNS.scripts.items():
        counts[name] = sum(map(len, letters.findall(foreign)))
        if name == "ja" and counts[name] * 8 > left:
            return name
        left -= counts[name]
        if left <= max(counts.values()):
            break
    return max(counts, key=lambda name: counts[name])
