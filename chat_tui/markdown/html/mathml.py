r"""Mathematics of LaTeX as MathML, which browsers show without a script: `\frac{a}{b}` is `<mfrac>…</mfrac>`.

Commands that are not known stay as their source; a formula that is too long or too deep stays as a whole. Elements have
no attributes but `class`, `display="block"` and `stretchy`, whose values are written here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import NamedTuple

from chat_tui.markdown.html.mathml_signs import (
    ALL_SIGNS,
    ARROWS,
    FENCES,
    LETTER_STYLES,
    LETTERS,
    OVER,
    OVER_AND_UNDER,
    SPACES,
    STRETCHED,
    UNDER,
    change_style,
)
from chat_tui.markdown.inline.latex import LONGEST, LatexTokens, formula_body, is_display
from chat_tui.markdown.inline.latex_symbols import DROPPED, FUNCTIONS, LIMITED, MATRICES, NEGATED

MATH_TAGS = frozenset(
    """
    math mrow mi mn mo mtext mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd mphantom
    """.split()  # noqa: SIM905
)
"""All elements that are written."""
DEEPEST = 24
"""Nested groups; deeper formulas are shown as they are written."""
_WORDS_LENGTH = 400
_OPERATOR = re.compile("<(?:mo|mtext)[ >]")
_ANGLES = {"<": "⟨", ">": "⟩"}
_CHARACTERS = {"-": "−", "*": "∗", "'": "′"}
_TEXTS = frozenset("text textrm textit textbf textsf texttt textnormal mbox".split())  # noqa: SIM905
_UPRIGHT = frozenset("mathrm operatorname mathop mathit mathnormal".split())  # noqa: SIM905
_TRANSPARENT = frozenset("mathrel mathbin mathord mathopen mathclose mathpunct mathinner cancel bcancel smash".split())  # noqa: SIM905
_UNSEEN = frozenset("label hspace vspace color ref cite class id href style".split())  # noqa: SIM905
_ALIGNED = frozenset("align aligned alignat alignedat split eqnarray flalign".split())  # noqa: SIM905


class _TooDeep(Exception):
    """More is nested than is written as MathML."""


class _Atom(NamedTuple):
    markup: str
    kind: str = ""
    """`over` (its limits stand above and below), `function` (a name that needs room), or empty."""


@lru_cache(maxsize=128)
def math_html(source: str) -> str:
    """Return a formula with its delimiters, without control characters, as MathML; empty if it is too long or deep."""
    if len(source) > LONGEST:
        return ""
    display = is_display(source)
    try:
        inner = _FormulaReader(formula_body(source)).read()
    except _TooDeep:
        return ""
    return f'<math display="block">{inner}</math>' if display else f"<math>{inner}</math>"


def _wrap(tag: str, *inner: str) -> str:
    return f"<{tag}>{''.join(inner)}</{tag}>"


def _text(tag: str, text: str, attributes: str = "") -> str:
    return f"<{tag}{attributes}>{escape(text)}</{tag}>"


def _space(text: str) -> str:
    return _text("mtext", text) if text else ""


def _row(atoms: Sequence[_Atom]) -> str:
    """The atoms as exactly one element, which may be empty."""
    return atoms[0].markup if len(atoms) == 1 and atoms[0].markup else _wrap("mrow", _line(atoms))


def _line(atoms: Sequence[_Atom]) -> str:
    """The atoms side by side, with room around the names of functions."""
    parts: list[str] = []
    for number, atom in enumerate(atoms):
        before = atoms[number - 1] if number else None
        named = atom.kind == "function" or (before is not None and before.kind == "function")
        if named and before is not None and not (_is_operator(atom.markup) or _is_operator(before.markup)):
            parts.append(_space("\u2009"))
        parts.append(atom.markup)
    return "".join(parts)


def _is_operator(markup: str) -> bool:
    return _OPERATOR.match(markup) is not None


def _sign(sign: str) -> _Atom:
    if sign in OVER_AND_UNDER:
        return _Atom(_text("mo", sign), "over")
    if len(sign) == 1 and (sign.isalpha() or sign in LETTERS):
        return _Atom(_text("mi", sign))
    if sign in "|‖":
        # As an operator it would have room on both sides, as `∣` has.
        return _Atom(_name(sign))
    return _Atom(_fence(sign, stretchy=False) if sign in FENCES else _text("mo", sign))


def _fence(sign: str, *, stretchy: bool) -> str:
    return _text("mo", sign, f' stretchy="{"true" if stretchy else "false"}"') if sign else ""


def _name(words: str) -> str:
    """An upright name."""
    return _text("mi", words, ' class="upright"' if len(words) == 1 else "")


class _FormulaReader:
    """Reads one formula from left to right."""

    def __init__(self, source: str) -> None:
        self._tokens = LatexTokens(source)
        self._depth = 0
        self._builders: Mapping[str, Callable[[], _Atom]] = {
            **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac"), self._fraction),
            **dict.fromkeys(("binom", "dbinom", "tbinom"), self._binomial),
            **dict.fromkeys(("overset", "stackrel"), lambda: self._stack("mover")),
            "underset": lambda: self._stack("munder"),
            "sqrt": self._root,
            "left": self._enclose,
            "begin": self._environment,
            "not": self._negate,
            "pmod": self._modulus,
            "tag": lambda: _Atom(_space("\u2003(") + self._argument() + _space(")")),
            "boxed": lambda: _Atom(f'<mrow class="boxed">{self._argument()}</mrow>'),
            "phantom": lambda: _Atom(_wrap("mphantom", self._argument())),
            "substack": self._substack,
            "textcolor": self._drop_colour,
        }

    def read(self) -> str:
        """All of the formula, whose rows may be aligned without an environment that says so."""
        rows = self._rows(())
        while self._tokens.peek():
            # An ending that nothing has begun.
            stray = self._tokens.next()
            rows[-1][-1] += (stray != "}") * _text("mtext", stray)
            more = self._rows(())
            rows[-1][-1] += more[0][0]
            rows += more[1:]
        rows = [row for row in rows if any(row)]
        if len(rows) <= 1:
            return _wrap("mrow", *(rows[0] if rows else ()))
        return self._table(rows, aligned=True)

    # -- sequences ----------------------------------------------------------------------------------------------------

    def _sequence(self, ends: Sequence[str]) -> list[_Atom]:
        """What stands before one of these tokens, or before a brace that closes; the end is not read."""
        atoms: list[_Atom] = []
        while (token := self._tokens.peek()) and token != "}" and token not in ends:
            if token in ("^", "_", "'"):
                atoms.append(self._with_scripts(atoms.pop() if atoms else _Atom(_wrap("mrow"))))
                continue
            self._tokens.at += 1
            if token in ("\\limits", "\\nolimits"):
                if atoms:
                    atoms[-1] = atoms[-1]._replace(kind="over" if token == "\\limits" else "")
            elif (atom := self._atom(token)).markup:
                atoms.append(atom)
        return atoms

    def _argument(self) -> str:
        """A group in braces, or the next thing alone, as one element."""
        self._tokens.skip_blanks()
        token = self._tokens.peek()
        if token in ("", "}", "&", "\\\\"):
            return _wrap("mrow")
        if token[0].isdecimal() and len(token) > 1:
            # Without braces it is one digit.
            self._tokens.put_back(token[1:])
            return _text("mn", token[0])
        self._tokens.at += 1
        return _row([self._atom(token)])

    def _optional(self) -> str:
        """What stands in brackets behind a command; empty if there are none."""
        if self._tokens.peek() != "[":
            return ""
        self._tokens.at += 1
        found = _row(self._sequence(("]",)))
        self._tokens.at += self._tokens.peek() == "]"
        return found

    def _raw(self) -> str:
        """The source of the next group in braces, or of the next token."""
        self._tokens.skip_blanks()
        if self._tokens.peek() != "{":
            return self._tokens.next() if self._tokens.peek() else ""
        self._tokens.at += 1
        start, depth = self._tokens.at, 1
        while depth and self._tokens.peek():
            depth += {"{": 1, "}": -1}.get(self._tokens.next(), 0)
        return self._tokens.source(start, self._tokens.at - (depth == 0))

    def _with_scripts(self, base: _Atom) -> _Atom:
        """The base with what is raised and lowered, in either order."""
        low, high = "", ""
        while (mark := self._tokens.peek()) in ("^", "_", "'"):
            self._tokens.at += 1
            if mark == "'":
                high += _text("mo", "′")
            elif mark == "^":
                high += self._argument()
            else:
                low += self._argument()
            at = self._tokens.at
            self._tokens.skip_blanks()
            if self._tokens.peek() not in ("^", "_"):
                self._tokens.at = at
        low, high = (_wrap("mrow", each) if each else "" for each in (low, high))
        under, over, both = ("munder", "mover", "munderover") if base.kind == "over" else ("msub", "msup", "msubsup")
        tag = both if low and high else under if low else over
        return _Atom(_wrap(tag, base.markup, low, high), "function" if base.kind == "function" else "")

    # -- single things ------------------------------------------------------------------------------------------------

    def _atom(self, token: str) -> _Atom:
        if self._depth >= DEEPEST:
            raise _TooDeep
        self._depth += 1
        atom = self._read_atom(token)
        self._depth -= 1
        return atom

    def _read_atom(self, token: str) -> _Atom:
        if token == "{":
            atoms = self._sequence(())
            self._tokens.at += self._tokens.peek() == "}"
            return _Atom(_row(atoms), atoms[0].kind if len(atoms) == 1 else "")
        if token.isspace() or token == "&":
            return _Atom("")
        if token == "~":
            return _Atom(_space("\u00a0"))
        if token[0].isdecimal():
            return _Atom(_text("mn", token))
        if token.startswith("\\") and len(token) > 1:
            return self._command(token[1:])
        return _sign(_CHARACTERS.get(token, token))

    def _command(self, name: str) -> _Atom:
        if name in SPACES:
            return _Atom(_space(SPACES[name]))
        if name in self._builders:
            return self._builders[name]()
        if name in ALL_SIGNS:
            return _sign(ALL_SIGNS[name])
        if name in FUNCTIONS:
            return _Atom(_text("mo", name), "over") if name in LIMITED else _Atom(_name(name), "function")
        if name in ("right", "middle"):
            # Without its counterpart.
            return _Atom(_fence(self._delimiter(), stretchy=False))
        if name in DROPPED:
            return _Atom("")
        if not name[0].isalpha():
            return _Atom("") if name == "\\" else _sign(name) if name in "{}" else _Atom(_text("mtext", name))
        return self._with_argument(name)

    def _with_argument(self, name: str) -> _Atom:
        plain = name.removesuffix("*")
        if plain in _UNSEEN:
            self._raw()
            return _Atom("")
        if plain in _TEXTS:
            return _Atom(_space(self._words()))
        if plain in LETTER_STYLES:
            return self._restyle(LETTER_STYLES[plain])
        if plain in _UPRIGHT:
            return self._upright(name)
        if plain in _TRANSPARENT:
            return _Atom(self._argument())
        if plain in OVER:
            accent = _text("mo", OVER[plain], f' stretchy="{"true" if plain in STRETCHED else "false"}"')
            return _Atom(_wrap("mover", self._argument(), accent), "over" if plain == "overbrace" else "")
        if plain in UNDER:
            line = _text("mo", UNDER[plain], ' stretchy="true"')
            return _Atom(_wrap("munder", self._argument(), line), "over" if plain == "underbrace" else "")
        if plain in ARROWS:
            below, above = self._optional(), self._argument()
            arrow = _text("mo", ARROWS[plain], ' stretchy="true"')
            return _Atom(_wrap("munderover", arrow, below, above) if below else _wrap("mover", arrow, above))
        if self._tokens.peek() == "{":
            # Its argument is part of what is not understood.
            return _Atom(_text("mtext", f"\\{name}{{{self._raw()}}}"))
        return _Atom(_text("mtext", f"\\{name}"))

    def _words(self) -> str:
        """Words, whose blanks count."""
        words = re.sub(r"\\([ %$#&_{}])|[{}$]|\\[A-Za-z]+ ?", lambda found: found[1] or "", self._raw()[:_WORDS_LENGTH])
        # Blanks at the ends would be dropped.
        inner = words.strip()
        return "\u00a0" * words[:1].isspace() + inner + "\u00a0" * (bool(inner) and words[-1:].isspace())

    def _restyle(self, style: str) -> _Atom:
        at, words = self._tokens.at, self._raw().strip()
        if words.startswith("\\"):
            words = ALL_SIGNS.get(words[1:], words)
        if words.isalnum():
            return _Atom(_text("mn" if words.isdecimal() else "mi", change_style(words, style)))
        self._tokens.at = at
        return _Atom(self._argument())

    def _upright(self, name: str) -> _Atom:
        at, words = self._tokens.at, re.sub(r"\\[,;:! ]", " ", self._raw()).strip()
        if not re.fullmatch(r"[\w .-]+", words) or "_" in words:
            self._tokens.at = at
            return _Atom(self._argument(), "over" if name.startswith("mathop") else "")
        if name == "operatorname*":
            return _Atom(_text("mo", words), "over")
        return _Atom(_name(words), "function" if name == "operatorname" else "")

    # -- what is made of arguments ------------------------------------------------------------------------------------

    def _fraction(self) -> _Atom:
        return _Atom(_wrap("mfrac", self._argument(), self._argument()))

    def _binomial(self) -> _Atom:
        table = self._table([[self._argument()], [self._argument()]])
        return _Atom(_wrap("mrow", _fence("(", stretchy=True), table, _fence(")", stretchy=True)))

    def _stack(self, tag: str) -> _Atom:
        above, base = self._argument(), self._argument()
        return _Atom(_wrap(tag, base, above))

    def _root(self) -> _Atom:
        index, of = self._optional(), self._argument()
        return _Atom(_wrap("mroot", of, index) if index else _wrap("msqrt", of))

    def _negate(self) -> _Atom:
        self._tokens.skip_blanks()
        token = self._tokens.next() if self._tokens.peek() else ""
        sign = ALL_SIGNS.get(token.removeprefix("\\"), token)
        return _Atom(_text("mo", NEGATED.get(sign, f"{sign}\u0338")))

    def _modulus(self) -> _Atom:
        return _Atom(_wrap("mrow", _space("\u2003(mod\u00a0"), self._argument(), _space(")")))

    def _drop_colour(self) -> _Atom:
        self._raw()
        return _Atom(self._argument())

    def _substack(self) -> _Atom:
        self._tokens.skip_blanks()
        self._tokens.at += self._tokens.peek() == "{"
        rows = self._rows(())
        self._tokens.at += self._tokens.peek() == "}"
        return _Atom(self._table(rows))

    def _delimiter(self) -> str:
        self._tokens.skip_blanks()
        token = self._tokens.next() if self._tokens.peek() else ""
        if token in (".", ""):
            return ""
        if token.startswith("\\") and len(token) > 1:
            return ALL_SIGNS.get(token[1:], token[1:])
        return _ANGLES.get(token, token)

    def _enclose(self) -> _Atom:
        r"""What stands between `\left` and `\right`, whose signs grow with it."""
        parts = [_fence(self._delimiter(), stretchy=True)]
        while True:
            parts.append(_line(self._sequence(("\\right", "\\middle", "\\end", "\\\\", "&"))))
            end = self._tokens.peek()
            if end not in ("\\right", "\\middle"):
                break
            self._tokens.at += 1
            parts.append(_fence(self._delimiter(), stretchy=True))
            if end == "\\right":
                break
        return _Atom(_wrap("mrow", *parts))

    # -- tables -------------------------------------------------------------------------------------------------------

    def _rows(self, ends: Sequence[str]) -> list[list[str]]:
        """Cells of rows up to one of these tokens."""
        rows: list[list[str]] = [[]]
        while True:
            rows[-1].append(_line(self._sequence(("&", "\\\\", "\\cr", *ends))))
            end = self._tokens.peek()
            if end not in ("&", "\\\\", "\\cr"):
                return rows
            self._tokens.at += 1
            if end != "&":
                self._optional()
                rows.append([])

    def _environment(self) -> _Atom:
        name = self._raw().strip().removesuffix("*")
        columns = re.sub("[^lcr]", "", self._raw()) if name in ("array", "alignat", "alignedat") else ""
        rows = self._rows(("\\end",))
        if self._tokens.peek() == "\\end":
            self._tokens.at += 1
            self._raw()
        rows = [row for row in rows if any(row)]
        if name in ("cases", "dcases", "rcases"):
            table = self._table(rows, columns="ll")
            brace = _fence("}" if name == "rcases" else "{", stretchy=True)
            return _Atom(_wrap("mrow", *((table, brace) if name == "rcases" else (brace, table))))
        if name in MATRICES:
            opening, closing = MATRICES[name]
            fences = _fence(opening, stretchy=True), _fence(closing, stretchy=True)
            return _Atom(_wrap("mrow", fences[0], self._table(rows, columns=columns), fences[1]))
        return _Atom(self._table(rows, aligned=name in _ALIGNED))

    def _table(self, rows: Sequence[Sequence[str]], *, columns: str = "", aligned: bool = False) -> str:
        """Rows of cells; `columns` has `l`, `c` or `r` for each column, those of `aligned` meet in pairs."""
        wide = {"l": ' class="left"', "r": ' class="right"'}
        made: list[str] = []
        for row in rows:
            made.append("<mtr>")
            for number, cell in enumerate(row):
                place = "rl"[number % 2] if aligned and len(row) > 1 else columns[number : number + 1]
                made.append(f"<mtd{wide.get(place, '')}>{cell}</mtd>")
            made.append("</mtr>")
        name = ' class="aligned"' if aligned else ""
        return f"<mtable{name}>{''.join(made)}</mtable>"
