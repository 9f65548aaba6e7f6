"""What a model is for if it is not for chat: by its id, and by what servers write about it in their lists.

Such a model is no candidate of any strategy; it can still be asked by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.catalogue.model_name import bare_id

EMBEDDINGS = "makes embeddings"
RANKING = "ranks documents"
MODERATION = "judges whether texts are safe"
TRANSCRIPTION = "transcribes speech"
SPEECH = "speaks"
VOICE = "is for spoken conversations"
IMAGES = "makes images"
VIDEOS = "makes videos"
MUSIC = "makes music"
OCR = "reads scanned pages"
COMPLETION = "only completes text"
TRANSLATION = "only translates"
WEB_SEARCH = "searches the web for every answer"
TOOLS = "is made for one tool"
NOT_CHAT = "does not chat"
INACTIVE = "is switched off by its provider"
RESPONSES_ONLY = "is served by the Responses API only"

_BY_ID = (
    (MUSIC, r"lyria|music|musicgen|suno"),
    (RANKING, r"rerank(?:er)?|ranker|colbert\w*|reward|rm"),
    (
        EMBEDDINGS,
        r"embed(?:ding|dings)?|bge|gte|e5|voyage|minilm|mpnet|nomic-embed\w*|siglip|clip|mxbai|snowflake-arctic|uae"
        r"|text-similarity\w*|text-search\w*|code-search\w*",
    ),
    (MODERATION, r"moderation|guard|llamaguard|shieldgemma|safeguard|content-safety|wildguard|guardian"),
    (
        TRANSCRIPTION,
        r"whisper|transcribe|transcription|stt|asr|parakeet|canary|scribe",
    ),
    (SPEECH, r"tts|orpheus|kokoro|playai|eleven|bark|speech|cosyvoice|chatterbox|csm|dia|melo"),
    (VOICE, r"realtime|audio|live|voice|sonic"),
    (
        IMAGES,
        r"image|images|dall-e|imagen|flux|stable-diffusion|sdxl|sd3|sd|recraft\w*|ideogram|seedream|seededit|banana"
        r"|hidream|kolors|playground|photon|txt2img",
    ),
    (VIDEOS, r"video|sora|veo|kling|wan|hailuo|seedance|ltx|cogvideox|mochi"),
    (OCR, r"ocr|paddleocr"),
    (TRANSLATION, r"translate|m2m|nllb|indictrans|opus-mt|mt|madlad"),
    (WEB_SEARCH, r"search-(?:preview|api)"),
    (TOOLS, r"computer-use(?:-preview)?|robotics|aqa|relace-apply|morph-v\d|distilbert|bert"),
)
"""(purpose, words of an id)."""
_STEM = re.compile(r"[a-z\d-]+(?![?*])")
"""The beginning of a word that is the same in all that it matches."""
_COMPLETES = lazy_pattern(
    r"(?:ada|babbage|curie|davinci)(?:-\d+)?$|text-(?:ada|babbage|curie|davinci)|gpt-3\.5-turbo-instruct|starcoder"
    r"|codegen|.*-base(?:-\d+b)?$|.*-(?:fim|foundation)$|gemma-.*-pt$|code-(?:davinci|cushman)"
)
_RESPONSES = {
    # At OpenAI itself, requests for the others go there.
    "openai": lazy_pattern(r"deep-research"),
    "azure": lazy_pattern(r"-pro(?:-\d[\d-]{0,20})?$|codex|deep-research"),
}
"""Models that a provider serves over the Responses API only, and that cannot be asked in the usual way."""

_BY_TYPE = {
    **dict.fromkeys(("embedding", "embeddings", "text-embedding", "feature-extraction", "embedding_model"), EMBEDDINGS),
    **dict.fromkeys(("rerank", "reranker", "reranking", "text-classification"), RANKING),
    **dict.fromkeys(("moderation", "moderations", "safety"), MODERATION),
    **dict.fromkeys(("transcribe", "transcription", "automatic-speech-recognition", "stt", "asr"), TRANSCRIPTION),
    **dict.fromkeys(("tts", "text-to-speech", "audio_speech", "audio"), SPEECH),
    **dict.fromkeys(("image", "text-to-image", "image-generation", "image_generation"), IMAGES),
    **dict.fromkeys(("video", "text-to-video", "video-generation", "video_generation"), VIDEOS),
    "completion": COMPLETION,
    "realtime": VOICE,
    "ocr": OCR,
    "translation": TRANSLATION,
    "audio_transcription": TRANSCRIPTION,
}
"""What lists write as a model's type (Together, LM Studio, Vercel, DeepInfra, LiteLLM, Novita, Fireworks, GitHub)."""
_TYPE_FIELDS = ("type", "object", "model_type", "reported_type", "task", "mode", "kind")
_CHAT_FLAGS = ("completion_chat", "chat_completion", "chat")
"""The ability to chat, under any name (Mistral, Azure)."""
_BY_ENDPOINT = {"embed": EMBEDDINGS, "rerank": RANKING, "generate": COMPLETION}
_OUTPUTS = {"image": IMAGES, "embeddings": EMBEDDINGS, "embedding": EMBEDDINGS, "audio": SPEECH, "video": VIDEOS}


@lru_cache(maxsize=8192)
def purpose_of(provider: str, model_id: str) -> str:
    """Return what a model is for if it is not for chat, as a predicate such as `makes embeddings`; else empty."""
    bare = bare_id(model_id)
    if (responses_only := _RESPONSES.get(provider)) is not None and responses_only.search(bare):
        return RESPONSES_ONLY
    found = (each.purpose for each in named_purposes() if each.may_be_in(bare) and each.words.search(bare))
    purpose = next(found, "")
    return purpose or (COMPLETION if _COMPLETES.match(bare) else "")


class NamedPurpose(NamedTuple):
    """A purpose with the words of an id that tell it."""

    purpose: str
    stems: tuple[str, ...]
    """Beginnings of the words; most ids hold none of them, so that the pattern is seldom compiled."""
    words: re.Pattern[str]

    def may_be_in(self, bare: str) -> bool:
        """Whether one of the words may be in the id."""
        return any(stem in bare for stem in self.stems)


@cache
def named_purposes() -> Sequence[NamedPurpose]:
    """Return the purposes that an id can tell, in the order in which they count."""
    # Between words: `live` is not in `olive`.
    return [
        NamedPurpose(
            purpose,
            # What stands behind a `|` in parentheses counts as a word of its own: one stem too many.
            tuple(stem[0] for word in words.split("|") if (stem := _STEM.match(word))),
            lazy_pattern(rf"(?<![a-z])(?:{words})(?![a-z])"),
        )
        for purpose, words in _BY_ID
    ]


def listed_purpose(row: dict[str, Any]) -> str:
    """Return the same for a row of a server's list; empty if the row does not say that the model cannot chat."""
    if row.get("active") is False:
        return INACTIVE
    if row.get("supports_chat") is False:
        return NOT_CHAT
    types = (value for value in map(row.get, _TYPE_FIELDS) if isinstance(value, str))
    by_type = next((purpose for value in types if (purpose := _BY_TYPE.get(value.lower()))), "")
    told = by_type or _by_output(row) or _by_abilities(row.get("capabilities"))
    return told or _by_endpoints(row.get("endpoints")) or _by_config(row) or _by_tags(row.get("metadata"))


def _by_output(row: dict[str, Any]) -> str:
    """Return the purpose by what the model writes (OpenRouter, Hugging Face, GitHub)."""
    architecture = row.get("architecture")
    kinds = architecture.get("output_modalities") if isinstance(architecture, dict) else None
    kinds = kinds or row.get("supported_output_modalities") or row.get("output_modalities")
    if not isinstance(kinds, list) or not kinds or "text" in kinds:
        return ""
    return _OUTPUTS.get(str(kinds[0]), NOT_CHAT)


def _by_abilities(abilities: Any) -> str:
    """Return the purpose by a table of abilities (Mistral, Azure), or by a list of them (Ollama)."""
    if isinstance(abilities, dict):
        told = [abilities[name] for name in _CHAT_FLAGS if isinstance(abilities.get(name), bool)]
        if not told or any(told):
            return ""
        return EMBEDDINGS if abilities.get("embeddings") is True else OCR if abilities.get("ocr") is True else NOT_CHAT
    if isinstance(abilities, list) and "embedding" in abilities and "completion" not in abilities:
        return EMBEDDINGS
    return ""


def _by_endpoints(endpoints: Any) -> str:
    """Return the purpose by the endpoints that serve the model (Cohere)."""
    if not isinstance(endpoints, list) or not endpoints or any("chat" in str(each) for each in endpoints):
        return ""
    return next((_BY_ENDPOINT[each] for each in map(str, endpoints) if each in _BY_ENDPOINT), NOT_CHAT)


def _by_tags(metadata: Any) -> str:
    """Return the purpose by the tags of a model (DeepInfra)."""
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if not isinstance(tags, list) or "chat" in tags:
        return ""
    known = {**_BY_TYPE, **_BY_ENDPOINT}
    return next((known[tag] for tag in map(str, tags) if tag in known), "")


def _by_config(row: dict[str, Any]) -> str:
    """Return the purpose of a row of Together's list, where models that only complete have no template for a chat."""
    config = row.get("config")
    if row.get("type") in ("language", "code") and isinstance(config, dict) and not config.get("chat_template"):
        return COMPLETION
    return ""
