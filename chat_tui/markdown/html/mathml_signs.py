"""The signs and letters of mathematics in MathML, beyond those that a terminal shows."""

from __future__ import annotations

from collections.abc import Mapping

from chat_tui.markdown.inline.latex_symbols import SIGNS

ALL_SIGNS: Mapping[str, str] = SIGNS | dict(
    pair.split("=", 1)
    for pair in r"""
    varpi=ϖ varrho=ϱ varsigma=ς varkappa=ϰ digamma=ϝ omicron=ο beth=ℶ gimel=ℷ daleth=ℸ wp=℘ hslash=ℏ mho=℧ eth=ð
    odot=⊙ ominus=⊖ oslash=⊘ uplus=⊎ sqcup=⊔ sqcap=⊓ amalg=⨿ wr=≀ diamond=⋄ triangle=△ bigtriangleup=△ triangleleft=◃
    triangleright=▹ ddagger=‡ ltimes=⋉ rtimes=⋊ boxplus=⊞ boxtimes=⊠
    lesssim=≲ gtrsim=≳ prec=≺ succ=≻ preceq=⪯ succeq=⪰ asymp=≍ doteq=≐ subsetneq=⊊ supsetneq=⊋ sqsubseteq=⊑
    sqsupseteq=⊒ nleq=≰ ngeq=≱ nless=≮ ngtr=≯ nmid=∤ nparallel=∦ nsubseteq=⊈ ncong=≇ trianglelefteq=⊴ vDash=⊨ dashv=⊣
    Vdash=⊩ bowtie=⋈ smile=⌣ frown=⌢ lll=⋘ ggg=⋙ triangleq=≜ because=∵ owns=∋ approxeq=≊ eqsim=≂ vartriangle=▵
    hookrightarrow=↪ hookleftarrow=↩ longleftarrow=⟵ longleftrightarrow=⟷ Longleftarrow=⟸ Longleftrightarrow=⟺
    longmapsto=⟼ updownarrow=↕ Uparrow=⇑ Downarrow=⇓ nearrow=↗ searrow=↘ swarrow=↙ nwarrow=↖ rightharpoonup=⇀
    rightharpoondown=⇁ leftharpoonup=↼ leftharpoondown=↽ rightrightarrows=⇉ twoheadrightarrow=↠ rightsquigarrow=⇝
    leadsto=⇝ nrightarrow=↛ impliedby=⟸ upharpoonright=↾ circlearrowright=↻
    coprod=∐ bigoplus=⨁ bigotimes=⨂ bigodot=⨀ bigvee=⋁ bigwedge=⋀ biguplus=⨄ bigsqcup=⨆ oiint=∯
    surd=√ complement=∁ sharp=♯ flat=♭ natural=♮ measuredangle=∡ diamondsuit=♢ heartsuit=♡ clubsuit=♣ spadesuit=♠
    lozenge=◊ bigstar=★ dotsm=⋯ dotsi=⋯ dotso=… iddots=⋰ lgroup=⟮ rgroup=⟯ ulcorner=⌜ urcorner=⌝ S=§ P=¶ pounds=£
    euro=€ copyright=© colonequals=≔ eqqcolon=≕ doublecap=⋒ Game=⅁ nvdash=⊬ N=ℕ R=ℝ Z=ℤ Q=ℚ C=ℂ reals=ℝ
    """.split()  # noqa: SIM905
)
OVER_AND_UNDER = frozenset("∑∏∐⋃⋂⨁⨂⨀⋁⋀⨄⨆")
"""Operators whose limits stand above and below; those of integrals stand beside them."""
FENCES = frozenset("()[]{}|‖⟨⟩⌊⌋⌈⌉⟮⟯⌜⌝/\\↑↓↕⇑⇓")
"""Signs that grow with what they enclose, where `\\left` and `\\right` say so."""
LETTERS = frozenset("∞∂∇∅ℏℓ∀∃∄¬⊤⊥°′∠△♯♭♮◊★□■✓…⋮⋱")
"""Signs that stand for a thing, besides those that are letters."""
OVER = {
    "hat": "^",
    "widehat": "^",
    "tilde": "~",
    "widetilde": "~",
    "bar": "¯",
    "overline": "‾",
    "dot": "˙",
    "ddot": "¨",
    "dddot": "⃛",
    "vec": "→",
    "check": "ˇ",
    "breve": "˘",
    "acute": "´",
    "grave": "`",
    "mathring": "˚",
    "overrightarrow": "→",
    "overleftarrow": "←",
    "overbrace": "⏞",
}
UNDER = {"underline": "_", "underbrace": "⏟", "underbar": "_"}
STRETCHED = frozenset("widehat widetilde overline overrightarrow overleftarrow overbrace underline underbrace".split())  # noqa: SIM905
ARROWS = {"xrightarrow": "→", "xleftarrow": "←", "xleftrightarrow": "↔", "xRightarrow": "⇒", "xmapsto": "↦"}
SPACES = {",": "\u2009", ":": "\u2005", ">": "\u2005", ";": "\u2004", " ": "\u00a0", "quad": "\u2003"}
SPACES |= {"qquad": "\u2003\u2003", "enspace": "\u2002", "thinspace": "\u2009", "!": "", "\n": "\u00a0"}
_STYLES = {
    # The code points of A, a, 0, Α and α; 0 where there are none.
    "bold": (0x1D400, 0x1D41A, 0x1D7CE, 0x1D6A8, 0x1D6C2),
    "double": (0x1D538, 0x1D552, 0x1D7D8, 0, 0),
    "script": (0x1D49C, 0x1D4B6, 0, 0, 0),
    "fraktur": (0x1D504, 0x1D51E, 0, 0, 0),
    "sans": (0x1D5A0, 0x1D5BA, 0x1D7E2, 0, 0),
    "mono": (0x1D670, 0x1D68A, 0x1D7F6, 0, 0),
}
# Letters that Unicode had before the others.
_EARLIER = {
    "double": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
    "script": dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True)),
    "fraktur": dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True)),
}
LETTER_STYLES = {
    "mathbf": "bold",
    "boldsymbol": "bold",
    "bm": "bold",
    "mathbb": "double",
    "mathcal": "script",
    "mathscr": "script",
    "mathfrak": "fraktur",
    "mathsf": "sans",
    "mathtt": "mono",
}


def change_style(text: str, style: str) -> str:
    """The text in letters of this style, such as `bold`; characters that have none stay."""
    return "".join(_change_letter(letter, style) for letter in text)


def _change_letter(letter: str, style: str) -> str:
    if letter in _EARLIER.get(style, {}):
        return _EARLIER[style][letter]
    for start, first, last in zip(_STYLES[style], "Aa0Αα", "Zz9Ωω", strict=True):
        if start and first <= letter <= last:
            return chr(start + ord(letter) - ord(first))
    return letter
