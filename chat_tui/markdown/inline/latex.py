r"""Mathematics as one who knows no LaTeX reads them: `\frac{a+b}{2} \leq x^2` is `(a+b)/2 ≤ x²`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from chat_tui.markdown.inline.latex_symbols import (
    ACCENTS,
    AROUND,
    BINARY,
    BLANKS,
    BOARD_LETTERS,
    CLOSE,
    DROPPED,
    FUNCTIONS,
    LIMITED,
    LOWERED,
    MATRICES,
    NEGATED,
    RAISED,
    SIGNS,
    UNARGUED,
    WORDS,
)

LONGEST = 4_000
"""Characters; longer formulas are shown as they are written."""
DEEPEST = 12
_TOKEN = re.compile(r"\\(?:[A-Za-z]+\*?|.)|\s+|\d+(?:[.,]\d+)*|.", re.DOTALL)
_DELIMITERS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
_WORDS_ARGUMENT = re.compile(r"\s*\{([^{}\\$]*)\}")
_ONE = re.compile(r"[^\W\d_]['′!⁰-⁹²³¹₀-₉ᵀ]*|\d+(?:[.,]\d+)*!?|[d∂][^\W\d_]|[^\W\d_]{3,}|[∞°%]|√\w|[α-ω]")
_SUM = re.compile(r"[-+±∓=<>≤≥≠≈,;∈→/\s]")


class _TooDeep(Exception):
    """More is nested than anybody could read."""


class _Piece(NamedTuple):
    text: str
    kind: str
    """`text`, `sign` (stands between two things), `fraction`, `function`, `operator` (of sums and limits), `blank`."""


def is_display(source: str) -> bool:
    r"""Whether it is a formula with lines of its own: `$$…$$` or `\[…\]`."""
    return source.lstrip().startswith(("$$", "\\["))


def formula_body(source: str) -> str:
    """The formula without its delimiters."""
    body = source.strip()
    for opening, closing in _DELIMITERS:
        if body.startswith(opening):
            return body.removeprefix(opening).removesuffix(closing)
    return body


class LatexTokens:
    """The tokens of a formula, and where one is in them: commands, numbers, runs of blanks and single characters."""

    def __init__(self, body: str) -> None:
        self._tokens: list[str] = _TOKEN.findall(body)
        self.at = 0
        """Index of the next token."""

    def next(self) -> str:
        """Return the next token, which must be there, and go on."""
        self.at += 1
        return self._tokens[self.at - 1]

    def peek(self) -> str:
        """Return the next token; empty at the end."""
        return self._tokens[self.at] if self.at < len(self._tokens) else ""

    def skip_blanks(self) -> None:
        """Go on to the next token that is not blank."""
        while self.peek().isspace():
            self.at += 1

    def put_back(self, rest: str) -> None:
        """Have this rest of the next token read in its place."""
        self._tokens[self.at] = rest

    def source(self, start: int, end: int) -> str:
        """Return the source of the tokens from one index to another."""
        return "".join(self._tokens[start:end])


@lru_cache(maxsize=512)
def legible(source: str) -> str:
    """The formula without its delimiters, in signs; where it is not understood, as it is written. Rows of a formula
    with lines of its own stay rows."""
    if len(source) > LONGEST:
        return source
    try:
        text = _Formula(formula_body(source)).read()
    except _TooDeep:
        return source
    rows = [" ".join(row.split()) for row in text.split("\n")]
    rows = [row for row in rows if row] or [source]
    return "\n".join(rows) if is_display(source) else "; ".join(rows)


class _Formula:
    """Reads one formula from left to right."""

    def __init__(self, source: str) -> None:
        self._tokens = LatexTokens(source)
        self._depth = 0

    def read(self) -> str:
        pieces: list[str] = []
        while self._tokens.peek():
            pieces.append(self._sequence(()))
            if self._tokens.peek():
                # An ending that nothing has begun.
                pieces.append(self._tokens.next())
        return "".join(pieces)

    def _close_up(self) -> None:
        """Skip a blank that only ends a command's name."""
        at = self._tokens.at
        self._tokens.skip_blanks()
        if not re.match(r"\w|\\[A-Za-z]", self._tokens.peek()):
            self._tokens.at = at

    def _sequence(self, ends: Sequence[str]) -> str:
        """What stands before one of these tokens, or before a brace that closes; the end is not read."""
        pieces: list[_Piece] = []
        while (token := self._tokens.peek()) and token != "}" and token not in ends:
            self._tokens.at += 1
            if token in ("^", "_"):
                self._script(token, pieces)
            else:
                pieces.append(self._piece(token))
        return _join(pieces)

    def _argument(self) -> str:
        """A group in braces, or the next thing alone."""
        self._tokens.skip_blanks()
        token = self._tokens.peek()
        if token in ("", "}", "&", "\\\\"):
            return ""
        if token.isdecimal() and len(token) > 1:
            # Without braces it is one digit.
            self._tokens.put_back(token[1:])
            return token[0]
        self._tokens.at += 1
        return self._piece(token).text.strip()

    def _optional(self) -> str:
        """What stands in brackets behind a command."""
        if self._tokens.peek() != "[":
            return ""
        self._tokens.at += 1
        found = self._sequence(("]",))
        self._tokens.at += self._tokens.peek() == "]"
        return found

    def _piece(self, token: str) -> _Piece:
        if self._depth >= DEEPEST:
            raise _TooDeep
        self._depth += 1
        piece = self._one_piece(token)
        self._depth -= 1
        return piece

    def _one_piece(self, token: str) -> _Piece:
        if token == "{":
            return _Piece(self._group(), "text")
        if token.isspace() or token == "~":
            return _Piece(" ", "blank")
        if token == "'":
            twice = self._tokens.peek() == "'"
            self._tokens.at += twice
            return _Piece("″" if twice else "′", "text")
        if token == "&":
            return _Piece(" ", "blank")
        if not token.startswith("\\") or len(token) == 1:
            return _Piece(token, "text")
        return self._command(token[1:])

    def _group(self) -> str:
        found = self._sequence(())
        self._tokens.at += self._tokens.peek() == "}"
        return found

    def _command(self, name: str) -> _Piece:
        if name in BLANKS:
            return _Piece(BLANKS[name], "blank")
        if name == "\\":
            return _Piece("\n", "blank")
        if name in SIGNS:
            sign = SIGNS[name]
            if sign in CLOSE:
                self._close_up()
            return _Piece(sign, "operator" if sign in LIMITED else "sign" if sign in BINARY else "text")
        if name in FUNCTIONS:
            return _Piece(name, "operator" if name in LIMITED else "function")
        if name in DROPPED:
            if self._tokens.peek() == ".":
                self._tokens.at += 1
            return _Piece("", "blank")
        if name in UNARGUED:
            self._argument()
            return _Piece("", "blank")
        if name.removesuffix("*") in WORDS:
            return _Piece(self._words(), "function" if name.startswith("operatorname") else "text")
        if not name[0].isalpha():
            return _Piece(name, "text")
        return self._build(name)

    def _words(self) -> str:
        """Words, whose blanks count."""
        rest = self._tokens.source(self._tokens.at, self._tokens.at + 200)
        if match := _WORDS_ARGUMENT.match(rest):
            end = len(match[0])
            while end > 0:
                end -= len(self._tokens.next())
            return match[1]
        return self._argument()

    def _build(self, name: str) -> _Piece:
        """What is made of arguments."""
        if name in ("frac", "dfrac", "tfrac", "cfrac"):
            above, below = self._argument(), self._argument()
            return _Piece(f"{_enclose(above, of_sums=True)}/{_enclose(below)}" if below else above, "fraction")
        if name in ("binom", "dbinom", "tbinom"):
            return _Piece(f"({self._argument()} choose {self._argument()})", "text")
        if name == "sqrt":
            root, of = self._optional(), _enclose(self._argument())
            raised = "".join(RAISED.get(each, "") for each in root)
            sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(root, f"{raised}√" if raised else f"({root})√")
            return _Piece(sign + of, "text")
        if name in ACCENTS:
            return _Piece(_add_accent(self._argument(), ACCENTS[name]), "text")
        if name == "mathbb":
            letters = self._argument()
            return _Piece("".join(BOARD_LETTERS.get(letter, letter) for letter in letters), "text")
        if name in ("underbrace", "overbrace"):
            return _Piece(f"({self._argument()})", "text")
        if name in ("xrightarrow", "xleftarrow"):
            words = self._argument()
            return _Piece(f"—{words}→" if name[1] == "r" else f"←{words}—", "sign")
        if name == "not":
            sign = self._argument()
            return _Piece(NEGATED.get(sign, f"not {sign}"), "sign")
        if name in ("pmod", "tag", "tag*"):
            return _Piece(f" ({'mod ' * (name == 'pmod')}{self._argument()})", "text")
        if name == "begin":
            return _Piece(self._environment(self._argument()), "text")
        if name == "end":
            self._argument()
            return _Piece("", "blank")
        if self._tokens.peek() == "{":
            self._tokens.at += 1
            return _Piece(f"\\{name}{{{self._group()}}}", "text")
        return _Piece(f"\\{name}", "text")

    def _environment(self, name: str) -> str:
        """Rows between `\\begin` and `\\end`."""
        name = name.removesuffix("*")
        if name == "array":
            self._argument()
        rows: list[list[str]] = [[]]
        while True:
            rows[-1].append(self._sequence(("&", "\\\\", "\\end")).strip())
            end = self._tokens.peek()
            if end not in ("&", "\\\\"):
                break
            self._tokens.at += 1
            if end == "\\\\":
                self._optional()
                rows.append([])
        if end == "\\end":
            self._tokens.at += 1
            self._argument()
        rows = [row for row in rows if any(row)]
        if name in ("cases", "dcases"):
            return "{ " + "; ".join(" ".join(_case(row)) for row in rows)
        if name in MATRICES:
            opening, closing = MATRICES[name]
            return opening + "; ".join("  ".join(row) for row in rows).replace("  ", "\xa0") + closing
        return "\n" + "\n".join(" ".join(row) for row in rows) + "\n"

    def _script(self, mark: str, pieces: list[_Piece]) -> None:
        """Hang what is raised or lowered on the piece before."""
        text = self._argument()
        while pieces and pieces[-1].kind == "blank" and not pieces[-1].text.strip():
            pieces.pop()
        before = pieces.pop() if pieces else _Piece("", "text")
        self._skip_blanks_before_script()
        if before.kind == "operator":
            pieces.append(_Piece(before.text + self._limits(mark, text), "operator"))
            return
        base = f"({before.text})" if before.kind == "fraction" else before.text
        pieces.append(_Piece(base + _attach_script(mark, text), "function" if before.kind == "function" else "text"))

    def _skip_blanks_before_script(self) -> None:
        at = self._tokens.at
        self._tokens.skip_blanks()
        if self._tokens.peek() not in ("^", "_"):
            self._tokens.at = at

    def _limits(self, mark: str, text: str) -> str:
        """From where to where, such as `∑ᵢ₌₁ⁿ` or `∑(k=0…∞)`."""
        both = {mark: text}
        if self._tokens.peek() in ("^", "_") and self._tokens.peek() != mark:
            other = self._tokens.next()
            both[other] = self._argument()
        low, high = both.get("_", ""), both.get("^", "")
        small = _in(LOWERED, low) + _in(RAISED, high)
        if len(small) == len(low) + len(high):
            return small
        return f"({low}…{high})" if low and high else f"({low})" if low else _attach_script("^", high)


def _attach_script(mark: str, text: str) -> str:
    if not text:
        return ""
    if mark == "^" and text in AROUND:
        return AROUND[text]
    small = _in(RAISED if mark == "^" else LOWERED, text)
    if small:
        return small
    return mark + (text if len(text) == 1 or text.isdecimal() or re.fullmatch("[A-Za-z]{3,}", text) else f"({text})")


def small_text(text: str, *, raised: bool) -> str:
    """The text in small raised or lowered signs; behind `^` or `_` where it has others."""
    signs = RAISED if raised else LOWERED
    if all(character in signs or character == " " for character in text):
        return "".join(signs.get(character, character) for character in text)
    return ("^" if raised else "_") + (text if len(text) == 1 else f"({text})")


def _in(signs: dict[str, str], text: str) -> str:
    """The text in small signs, where it is short and each has one; else empty."""
    text = text.replace(" ", "")
    if not text or len(text) > (6 if text.isdecimal() else 3) or (len(text) == 3 and text.isalpha()):
        return ""
    small = "".join(signs.get(character, "") for character in text)
    return small if len(small) == len(text) else ""


def _enclose(text: str, *, of_sums: bool = False) -> str:
    """With parentheses, where it would be read as something else without; `of_sums`: products can do without."""
    if _ONE.fullmatch(text) or _is_enclosed(text):
        return text
    if of_sums and not _SUM.search(re.sub(r"\([^()]*\)", "", text).lstrip("-")):
        return text
    return f"({text})"


def _is_enclosed(text: str) -> bool:
    """One pair of parentheses around all of it, be it behind a name or a root: `(a+b)`, `f(x)`, `√(2a)`."""
    if not re.match(r"(?:\w|√|∛)?\(", text) or not text.endswith(")"):
        return False
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and character == ")" and place < len(text) - 1:
            return False
    return depth == 0


def _add_accent(text: str, mark: str) -> str:
    if not text or len(text) > 4 or not text.isalnum():
        return f"({text})" if len(text) > 1 else text
    return unicodedata.normalize("NFC", "".join(character + mark for character in text))


def _case(row: Sequence[str]) -> list[str]:
    """A row of cases: what it is, and when."""
    cells = [cell for cell in row if cell]
    joined = len(cells) == 2 and not cells[0].endswith((",", ";")) and not re.match(r"if|for|when|other", cells[1])
    return [cells[0] + "," * joined, *cells[1:]] if cells else []


def _join(pieces: Sequence[_Piece]) -> str:
    """The pieces as a line: signs between two things have room, fractions and functions do not run into others."""
    text = ""
    things = _things_after(pieces)
    for number, (piece, kind) in enumerate(pieces):
        following = pieces[number + 1] if number + 1 < len(pieces) else None
        if kind == "blank" and number and pieces[number - 1].kind == "sign":
            continue
        if kind == "sign":
            before = text.rstrip(" ")
            of_one = piece in "±∓" and (not before or before[-1] in "([{,=")
            text = f"{before} {piece}{'' if of_one else ' '}".lstrip(" ")
            continue
        if kind == "fraction" and (after := things[number]) is not None and _begins_thing(after):
            piece = f"({piece})"
        if kind in ("fraction", "function", "operator") and text and (text[-1].isalnum() or text[-1] in ")′"):
            text += " "
        text += piece
        if kind in ("function", "operator") and following is not None and _begins_thing(following):
            with_limits = kind == "operator" and len(piece) > 1 and piece not in FUNCTIONS
            text += " " if with_limits or not following.text.startswith(("(", "[")) else ""
    # Each run of blanks is looked at once: formulas come from a model, and may be nothing else.
    return re.sub(r"(?<=[(\[]) +|(?<! ) +(?=[)\]])", "", text)


def _things_after(pieces: Sequence[_Piece]) -> list[_Piece | None]:
    """For each piece the next one that is no blank."""
    found: list[_Piece | None] = []
    after: _Piece | None = None
    for piece in reversed(pieces):
        found.append(after)
        after = after if piece.kind == "blank" else piece
    return found[::-1]


def _begins_thing(piece: _Piece) -> bool:
    """Whether it would be read as part of what stands before it."""
    return piece.kind != "sign" and bool(re.match(r"[\w√∛∜∑∏∫(\[]", piece.text))
