"""Mathematics as plain text can show it: signs for the commands that have one, all else as it is written."""

from __future__ import annotations

import re

_SIGNS = dict(
    pair.split("=", 1)
    for pair in r"""
    alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ lambda=λ mu=μ
    nu=ν xi=ξ pi=π rho=ρ sigma=σ tau=τ upsilon=υ phi=ϕ varphi=φ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ
    Xi=Ξ Pi=Π Sigma=Σ Phi=Φ Psi=Ψ Omega=Ω
    times=× cdot=· div=÷ pm=± mp=∓ ast=∗ circ=∘ bullet=• oplus=⊕ otimes=⊗
    leq=≤ le=≤ geq=≥ ge=≥ neq=≠ ne=≠ ll=≪ gg=≫ approx=≈ equiv=≡ sim=∼ simeq=≃ cong=≅ propto=∝
    in=∈ notin=∉ ni=∋ subset=⊂ subseteq=⊆ supset=⊃ supseteq=⊇ cup=∪ cap=∩ setminus=∖ emptyset=∅ varnothing=∅
    forall=∀ exists=∃ nexists=∄ neg=¬ lnot=¬ land=∧ wedge=∧ lor=∨ vee=∨ top=⊤ bot=⊥ vdash=⊢ models=⊨
    to=→ rightarrow=→ leftarrow=← leftrightarrow=↔ Rightarrow=⇒ Leftarrow=⇐ Leftrightarrow=⇔ implies=⇒ iff=⇔ mapsto=↦
    uparrow=↑ downarrow=↓ infty=∞ partial=∂ nabla=∇ sum=∑ prod=∏ int=∫ iint=∬ oint=∮
    ldots=… dots=… cdots=⋯ vdots=⋮ ddots=⋱ angle=∠ perp=⟂ parallel=∥ mid=∣ langle=⟨ rangle=⟩ lfloor=⌊ rfloor=⌋
    lceil=⌈ rceil=⌉ hbar=ℏ ell=ℓ Re=ℜ Im=ℑ aleph=ℵ prime=′ dagger=†
    """.split()  # noqa: SIM905
)
_LETTERS = {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "Q": "ℚ", "C": "ℂ", "P": "ℙ", "H": "ℍ"}
_BLANKS = {",": " ", ";": " ", ":": " ", "!": "", "quad": "  ", "qquad": "    "}
_RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_LOWERED = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")

_COMMAND = re.compile(
    r"\\(?:mathbb\{([A-Z])\}|(?:text|mathrm|operatorname)\{([^{}\\$]*)\}"
    r"|(?:left|right)(?=[()\[\]|])|([A-Za-z]+|[,;:!]))"
)
_SCRIPT = re.compile(r"(?<=[^\s{(\[$\\^_])([\^_])(?:(\d)|\{([+-]?\d{1,6})\})")


def legible(source: str) -> str:
    """The source with signs in place of commands, where that is right: `\\alpha^2 \\leq 1` is `α² ≤ 1`."""
    if "\\" in source:
        source = _COMMAND.sub(_sign, source)
    return _SCRIPT.sub(_script, source)


def _sign(match: re.Match[str]) -> str:
    letter, words, name = match.groups()
    if letter:
        return _LETTERS.get(letter, match[0])
    if words is not None:
        return str(words)
    if name is None:
        return ""
    return _SIGNS.get(name, _BLANKS.get(name, match[0]))


def _script(match: re.Match[str]) -> str:
    return (match[2] or match[3]).translate(_RAISED if match[1] == "^" else _LOWERED)
