"""What a prompt asks for, told from cheap features of its text in well under a millisecond."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

import msgspec

from chat_tui.attachments import Attachment
from chat_tui.request import Request
from chat_tui.tokens import attachment_tokens

LOOKED_AT = 4000
"""Characters of the last question that are looked at: its beginning and its end."""
LONG_TOKENS = 6000
"""From this on a request wants a model that is good at long texts."""
CHARACTERS_PER_TOKEN = 3.5


class Needs(msgspec.Struct, frozen=True):
    """What a prompt asks for."""

    kind: str = ""
    """`code`, `math`, `writing`; empty: nothing in particular."""
    language: str = ""
    """Two letters where the script tells it (`zh`, `ja`, `ko`, `ru`, `ar`, …); empty: Latin letters."""
    tokens: int = 0
    """About how many tokens the conversation has; what a model's window leaves out is in it."""
    last_tokens: int = 0
    """About how many tokens the system turn and the last question have: they are always sent."""
    images: bool = False
    thinking: bool = False
    """It wants steps to be thought through."""
    hard: float = 0.3
    """0, small talk, to 1."""

    @property
    def long(self) -> bool:
        """The conversation is long."""
        return self.tokens >= LONG_TOKENS

    def words(self) -> str:
        """In words, for the route."""
        named = [self.kind, self.language, *(word for word in ("long", "images", "thinking") if getattr(self, word))]
        level = "easy" if self.hard < 0.25 else "hard" if self.hard >= 0.6 else ""
        return ", ".join(filter(None, [*named, level]))


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    """Compiled when the first question is asked."""
    code = (
        r"```|\b(?:def|class|import|return|SELECT|function|const|var|#include|println?|printf)\b[^.?!]{0,40}[({;:=]"
        r"|(?i:\b(?:python|javascript|typescript|rust|golang|java|c\+\+|sql|html|css|bash|regex|docker|compiler|"
        r"traceback|stack ?trace|unit tests?|refactor|debug|null pointer|api endpoint|git (?:commit|rebase|merge))\b)"
        r"|\w+\(\w*\)|\w+::\w+|</\w+>"
    )
    maths = (
        r"\\(?:frac|int|sum|sqrt|begin)|\$[^$\n]{2,60}\$|\d\s*[-+*/^×÷]\s*\d.*[=?]|∫|∑|√|≤|≥"
        r"|(?i:\b(?:prove|proof|equation|integral|derivative|theorem|probability|matrix|polynomial|solve for|"
        r"calculate|how many|what is the sum|percent(?:age)?)\b)"
    )
    writing = (
        r"(?i:\b(?:write|draft|compose|rewrite|rephrase|proofread)\b.{0,60}"
        r"\b(?:story|poem|essay|letter|email|e-mail|blog|article|song|speech|haiku|novel|paragraph|slogan|review|post)\b"
        r"|\b(?:poem|short story|limerick|haiku)\b)"
    )
    thinking = (
        r"(?i:\b(?:step by step|think (?:hard|carefully|through)|prove|explain why|compare|trade-?offs?|analy[sz]e|"
        r"design|plan|puzzle|riddle|why (?:does|do|is|are)|optimi[sz]e|architecture|strategy)\b)"
    )
    texts = {"code": code, "math": maths, "writing": writing, "thinking": thinking}
    return {name: re.compile(text) for name, text in texts.items()}


_SCRIPTS = (
    ("ja", 0x3040, 0x30FF),
    ("ko", 0xAC00, 0xD7AF),
    ("zh", 0x4E00, 0x9FFF),
    ("ru", 0x0400, 0x04FF),
    ("ar", 0x0600, 0x06FF),
    ("he", 0x0590, 0x05FF),
    ("hi", 0x0900, 0x097F),
    ("th", 0x0E00, 0x0E7F),
    ("el", 0x0370, 0x03FF),
)


def needs(request: Request) -> Needs:
    """What the request's last question asks for; of text files that go along with it the beginnings are looked at."""
    characters = sum([len(turn.text) for turn in request.turns]) + len(request.prompt)
    with_files = [turn for turn in request.turns if turn.attachments]
    attached = [file for turn in with_files if turn.kept is not False for file in turn.attachments]
    asked = next((turn for turn in reversed(request.turns) if turn.role == "user"), None)
    own = asked.attachments if asked and not request.prompt else ()
    question = request.prompt or (asked.text if asked else "")
    system = request.turns[0].text if request.turns and request.turns[0].role == "system" else ""
    text = _both_ends(question) + "".join(_beginning(file) for file in own if not file.is_image)[:LOOKED_AT]
    patterns = _patterns()
    kind = next((kind for kind in ("code", "math", "writing") if patterns[kind].search(text)), "")
    thinking = patterns["thinking"].search(text) is not None
    hard = (
        0.1 + min(len(question), 2000) / 5000 + 0.25 * (kind in {"code", "math"}) + 0.25 * thinking + 0.1 * bool(kind)
    )
    return Needs(
        kind=kind,
        language=_language(text),
        tokens=int(characters / CHARACTERS_PER_TOKEN) + sum(map(attachment_tokens, attached)),
        last_tokens=int((len(question) + len(system)) / CHARACTERS_PER_TOKEN) + sum(map(attachment_tokens, own)),
        images=any(file.is_image for file in attached),
        thinking=thinking,
        hard=round(min(1.0, hard), 2),
    )


def _both_ends(question: str) -> str:
    if len(question) <= LOOKED_AT:
        return question
    return question[: LOOKED_AT // 2] + "\n" + question[-LOOKED_AT // 2 :]


def _beginning(file: Attachment) -> str:
    return "\n" + file.content[:LOOKED_AT].decode("utf-8", "replace")


def _language(text: str) -> str:
    """By the script of its letters: kana before the characters that Japanese shares with Chinese."""
    if text.isascii():
        return ""
    counts = dict.fromkeys((name for name, _, _ in _SCRIPTS), 0)
    foreign = 0
    for character in text[:600]:
        code = ord(character)
        if code > 0x36F:
            for name, low, high in _SCRIPTS:
                if low <= code <= high:
                    counts[name] += 1
                    foreign += 1
                    break
    if foreign * 3 < min(len(text), 600):
        return ""
    if counts["ja"] * 8 > foreign:
        return "ja"
    return max(counts, key=lambda name: counts[name])
