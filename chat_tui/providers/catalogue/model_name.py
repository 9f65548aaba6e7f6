"""Reads a model's id: its family, version, tier and size.

Ids are written differently by each provider: `claude-3-5-sonnet-20241022`, `anthropic/claude-3.5-sonnet`,
`meta.llama3-1-70b-instruct-v1:0`, `accounts/fireworks/models/glm-5p3`, `deepseek-r1:1.5b`.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from chat_tui.core.text.lazy_pattern import lazy_pattern

SMALL_TIERS = frozenset(
    ["nano", "micro", "tiny", "mini", "lite", "flash", "air", "small", "haiku", "luna", "light", "instant"]
)
"""Words for the lesser models of a family."""
_TIERS = lazy_pattern(
    r"medium|large|pro|max|plus|ultra|premier|super|turbo|fast|sonnet|opus|fable|mythos|sol|terra|astra"
    r"|argon|scout|maverick|spark|wonder|glimmer|coder|code|codex|chat|prime|next|open|multimodal|nemotron"
)
VARIANTS = frozenset(
    ["fast", "chat", "code", "codex", "coder", "turbo", "prime", "pro", "plus", "next", "multimodal", "nemotron"]
)
"""Tiers that are not lesser than the family's main model."""
_ALIKE = {"flashx": "flash", "airx": "air", "highspeed": "fast", "ultraspeed": "fast", "ultrafast": "fast"}
_NOISE = lazy_pattern(
    r"instruct|it|hf|preview|exp|experimental|latest|beta|alpha|free|batch|fp8|fp16|bf16|nvfp4|awq|gguf"
    r"|int4|int8|4bit|8bit|q4|q8|0|k|m|online|versatile|maas|us|eu|global|basic|extended|fw|tee|instant"
    r"|specdec|text|vision|vl|lora|mlx|cloud|high|medium|low|xhigh|x|distill|qwen|llama|generate|api|omni"
    r"|terminus|contributor|deep|research|search|pt|fin|rl"
)
"""Words after a version that do not make it another model."""
_UNNAMED = frozenset(["preview", "latest", "beta", "alpha", "exp", "distill", "vl", "vision", "deep", "research"])
"""Words before a version that are no part of the family's name."""
_THINKING = frozenset(["thinking", "think", "thinker", "reasoning", "reasoner"])
_SIZE = lazy_pattern(r"^e?(?:(\d+)x)?(\d+(?:\.\d+)?)([bmt])$")
_ACTIVE = lazy_pattern(r"^a\d+(?:\.\d+)?b$|^\d+e$")
_QUANTIZATION = lazy_pattern(r"^(?:i?q[1-8]|(?:bf|fp|f|int|nvfp|mxfp)(?:4|8|16|32))$")
_VERSION = lazy_pattern(r"^([a-z]*?)(\d{1,2}(?:\.\d{1,2})?)([ovn]?)$")
_MAKERS = lazy_pattern(
    r"^(?:(?:global|regional|us|eu|apac)\.)?(?:meta|amazon|anthropic|mistral|qwen|deepseek|openai|google|nvidia"
    r"|moonshotai|zai|cohere|writer|minimax)\.(?=[a-z])|^(?:databricks|zai|nvidia|meta|amazon|~)-?(?=[a-z])"
)
_DATE = lazy_pattern(r"-(?:\d{4}-\d\d-\d\d|\d\d-\d{4}|\d\d-\d\d)(?=-|$)|-v\d-\d$")
"""A date within an id, or Bedrock's number of a build."""
_SHARED_BY_EXPERTS = 0.83
"""The weights of `8x7b` are fewer than 8 times 7 billion: the experts share some."""


class ModelName(msgspec.Struct, frozen=True):
    """The parts of a model's id."""

    family: str
    """The words and letters before the version, such as `gpt`, `claude`, `deepseek-r`."""
    version: float | None = None
    tiers: tuple[str, ...] = ()
    """Words such as `mini` or `flash`, in their order."""
    billions: float | None = None
    """The number of weights in the id, the largest if there are several."""
    thinking: bool | None = None
    """Whether the id says that it thinks; None if it does not say."""
    others: tuple[str, ...] = ()
    """Words after the version that are not understood."""

    @property
    def is_small(self) -> bool:
        """Whether it is one of the lesser models of its family by its name."""
        return not SMALL_TIERS.isdisjoint(self.tiers)


def bare_id(model_id: str) -> str:
    """An id as the table has it: small letters, without maker, and with the separators of its own makers' site."""
    name = model_id.lower().rpartition("/")[2]
    if name.startswith("ft:"):
        # OpenAI's fine-tunes, `ft:gpt-4o-mini-2024-07-18:acme:label:id`: they can what their base model can.
        name = name.split(":")[1]
    name = name.removesuffix(".gguf").replace(":", "-").replace("_", "-").replace("@", "-")
    # Azure's names have no dots.
    name = re.sub(r"^gpt-35(?=-|$)", "gpt-3.5", name)
    name = _MAKERS.sub("", name)
    name = re.sub(r"^(?:meta-|anthropic\.|us\.|eu\.|accounts-|amazon-|models-)+", "", name)
    name = re.sub(r"(?<=\d)p(?=\d)", ".", name)
    name = re.sub(r"^(claude-(?:opus|sonnet|haiku|fable|mythos)-\d)\.(\d)", r"\1-\2", name)
    name = re.sub(r"^claude-(\d)\.(\d)-", r"claude-\1-\2-", name)
    return re.sub(r"^(llama|gemma|phi|qwen)-?v?(\d)", lambda m: f"{m[1]}{'' if m[1] == 'qwen' else '-'}{m[2]}", name)


@lru_cache(maxsize=8192)
def parse_name(bare: str) -> ModelName:
    """Return the parts of an id that `bare_id` has returned."""
    reading = _Reading()
    for word in filter(None, _DATE.sub("", bare).split("-")):
        reading.take(_ALIKE.get(word, word))
    return reading.name()


class _Reading:
    """What has been read of an id."""

    def __init__(self) -> None:
        self._family: list[str] = []
        self._version: float | None = None
        self._minor_expected = False
        self._tiers: list[str] = []
        self._billions: float | None = None
        self._thinking: bool | None = None
        self._others: list[str] = []
        self._is_negated = False

    def take(self, word: str) -> None:
        """Take the next word."""
        minor_expected, self._minor_expected = self._minor_expected, False
        if _QUANTIZATION.match(word):
            # It tells how the weights are stored, and has no version.
            pass
        elif _ACTIVE.match(word) or word in {"non", "no"}:
            self._is_negated = word in {"non", "no"}
        elif size := _SIZE.match(word):
            self._take_size(size[1], size[2], size[3])
        elif minor_expected and re.fullmatch(r"[0-9]", word):
            self._version = (self._version or 0.0) + int(word) / 10
        elif version := _VERSION.match(word):
            self._take_version(version[1], version[2], version[3], word)
        elif word[0].isdigit():
            # A date, or a number of a build.
            pass
        elif word in _THINKING:
            self._thinking = not self._is_negated
        else:
            self._take_word(word)

    def _take_size(self, experts: str | None, number: str, unit: str) -> None:
        billions = float(number) * {"m": 0.001, "b": 1.0, "t": 1000.0}[unit]
        billions *= int(experts) * _SHARED_BY_EXPERTS if experts else 1
        self._billions = max(billions, self._billions or 0.0)

    def _take_version(self, letters: str, number: str, suffix: str, word: str) -> None:
        if self._version is not None or number[0] == "0":
            # `qwen3` in the name of a distilled model, or `…-instruct-v0.3`.
            return
        if letters == "v" and number == "1" and (self._tiers or self._billions):
            # A provider's number of a build: `nova-lite-v1`.
            return
        if letters and letters != "v":
            self._family.append(letters)
        # `4o` comes after `4` and before `4.1`.
        self._version = float(number) + (0.05 if suffix == "o" else 0.0)
        self._minor_expected = "." not in number and not suffix
        if word == "qwen35":
            self._version = 3.5

    def _take_word(self, word: str) -> None:
        is_tier = word in SMALL_TIERS or _TIERS.fullmatch(word) is not None
        if is_tier and self._family and not (word == "instant" and self._billions):
            self._tiers.append(word)
        elif self._version is None and self._billions is None and word not in _UNNAMED:
            self._family.append(word)
        elif word not in _UNNAMED and not _NOISE.fullmatch(word):
            self._others.append(word)

    def name(self) -> ModelName:
        """Return the parts."""
        return ModelName(
            "-".join(self._family),
            None if self._version is None else round(self._version, 2),
            tuple(self._tiers),
            self._billions,
            self._thinking,
            tuple(self._others),
        )
