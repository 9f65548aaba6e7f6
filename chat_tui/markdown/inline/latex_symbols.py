"""The signs that stand for LaTeX's commands. Only what common fonts of terminals hold."""

from __future__ import annotations

SIGNS = dict(
    pair.split("=", 1)
    for pair in r"""
    alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ lambda=λ mu=μ
    nu=ν xi=ξ pi=π rho=ρ sigma=σ tau=τ upsilon=υ phi=ϕ varphi=φ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ
    Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω
    times=× cdot=· div=÷ pm=± mp=∓ ast=∗ star=⋆ circ=∘ bullet=• oplus=⊕ otimes=⊗
    leq=≤ le=≤ leqslant=≤ geq=≥ ge=≥ geqslant=≥ neq=≠ ne=≠ ll=≪ gg=≫ approx=≈ equiv=≡ sim=∼ simeq=≃ cong=≅ propto=∝
    lt=< gt=> in=∈ notin=∉ ni=∋ subset=⊂ subseteq=⊆ supset=⊃ supseteq=⊇ cup=∪ cap=∩ setminus=∖ emptyset=∅ varnothing=∅
    forall=∀ exists=∃ nexists=∄ neg=¬ lnot=¬ land=∧ wedge=∧ lor=∨ vee=∨ top=⊤ bot=⊥ vdash=⊢ models=⊨ therefore=∴
    to=→ rightarrow=→ leftarrow=← gets=← leftrightarrow=↔ Rightarrow=⇒ Leftarrow=⇐ Leftrightarrow=⇔ implies=⇒ iff=⇔
    longrightarrow=→ Longrightarrow=⇒ mapsto=↦ rightleftharpoons=⇌ uparrow=↑ downarrow=↓
    infty=∞ partial=∂ nabla=∇ sum=∑ prod=∏ int=∫ iint=∬ iiint=∭ oint=∮ bigcup=⋃ bigcap=⋂
    ldots=… dots=… cdots=⋯ dotsc=… dotsb=⋯ vdots=⋮ ddots=⋱ angle=∠ perp=⊥ parallel=∥ mid=∣ vert=| Vert=‖
    langle=⟨ rangle=⟩ lfloor=⌊ rfloor=⌋ lceil=⌈ rceil=⌉ lvert=| rvert=| lVert=‖ rVert=‖ lbrace={ rbrace=} backslash=\
    hbar=ℏ ell=ℓ Re=ℜ Im=ℑ aleph=ℵ prime=′ dagger=† square=□ blacksquare=■ checkmark=✓ degree=° bmod=mod mod=mod
    colon=: coloneqq=≔ imath=ı jmath=ȷ |=‖
    """.split()  # noqa: SIM905
)
CLOSE = frozenset("αβγδϵεζηθϑικλμνξπρστυϕφχψωΓΔΘΛΞΠΣΥΦΨΩ∂∇∀∃∄¬")
"""Signs that what follows stands close to, since a blank behind a command only ends its name."""
BINARY = frozenset("×·÷±∓∗∘⊕⊗≤≥≠≪≫≈≡∼≃≅∝<>∈∉∋⊂⊆⊃⊇∪∩∖∧∨⊢⊨∴→←↔⇒⇐⇔↦⇌∥∣≔") | {"mod"}
"""Signs that stand between two things, with room around them."""
NEGATED = {"=": "≠", "∈": "∉", "⊂": "⊄", "⊆": "⊈", "≡": "≢", "≈": "≉", "∃": "∄", "<": "≮", ">": "≯", "∣": "∤"}
FUNCTIONS = frozenset(
    """
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp det dim ker deg arg gcd Pr hom lim
    limsup liminf max min sup inf argmax argmin
    """.split()  # noqa: SIM905
)
LIMITED = frozenset("∑∏∫∬∭∮⋃⋂") | {"lim", "limsup", "liminf", "max", "min", "sup", "inf", "argmax", "argmin"}
"""What has limits: from where to where."""
BLANKS = {",": " ", ";": " ", ":": " ", "!": "", ">": " ", " ": " ", "quad": "  ", "qquad": "    ", "\n": " "}
WORDS = frozenset(
    """
    text textbf textit textrm texttt mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak boldsymbol bm
    operatorname mbox boxed cancel
    """.split()  # noqa: SIM905
)
"""Commands that change how their argument looks."""
DROPPED = frozenset(
    """
    left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle
    scriptstyle limits nolimits nonumber notag hline rm bf it
    """.split()  # noqa: SIM905
)
UNARGUED = frozenset("label hspace vspace color phantom".split())  # noqa: SIM905
"""Dropped with their argument."""
ACCENTS = {
    "hat": "\u0302",
    "widehat": "\u0302",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "bar": "\u0304",
    "overline": "\u0304",
    "dot": "\u0307",
    "ddot": "\u0308",
    "vec": "\u20d7",
    "underline": "\u0332",
}
BOARD_LETTERS = {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "Q": "ℚ", "C": "ℂ", "P": "ℙ", "H": "ℍ", "E": "𝔼"}
MATRICES = {
    "matrix": ("", ""),
    "smallmatrix": ("", ""),
    "array": ("", ""),
    "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"),
    "Bmatrix": ("{", "}"),
    "vmatrix": ("|", "|"),
    "Vmatrix": ("‖", "‖"),
}
AROUND = {"∘": "°", "°": "°", "′": "′", "*": "*", "∗": "*", "⋆": "*", "⊤": "ᵀ", "T": "ᵀ", "†": "†", "⊥": "^⊥"}
"""What is raised and yet no power."""
RAISED = dict(
    zip(
        "0123456789+-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ",
        strict=True,
    )
)
LOWERED = dict(zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
