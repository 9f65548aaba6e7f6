"""Which families of models take images, where neither config nor server tells."""

from __future__ import annotations

import re
from functools import lru_cache

from chat_tui.providers.quality import bare_id

_SEES = re.compile(
    r"(?:chatgpt|gpt)-4o|gpt-4\.[15]|gpt-4-turbo|gpt-[5-9]|o1(?!-mini|-preview)\b|o3(?!-mini)\b|o4\b"
    r"|claude-(?:[3-9]|opus|sonnet|haiku)|gemini|gemma-3(?!n|-1b|-270m)|gemma-[4-9]|llama-4"
    r"|mistral-small-(?:3\.[1-9]|2503|2506)|mistral-medium-(?:3|2505|2508)|grok-[4-9]|nova-(?:lite|pro|premier)"
    r"|phi-4-multimodal|kimi-vl|molmo|moondream|minicpm-v|internvl|idefics|glm-4(?:\.\d)?v"
)
_BY_NAME = re.compile(r"(?:^|-|\d)(?:vl|vlm|vision)\b|llava|pixtral|smolvlm|qvq")
_BLIND = re.compile(
    r"gpt-3\.5|gpt-oss|gpt-4(?:-\d{4}|-32k.*)?$|o1-(?:mini|preview)|o3-mini|claude-(?:2|instant)|deepseek-(?!vl)"
    r"|smollm|tinyllama|mixtral|codestral|mistral-(?:7b|nemo)|qwen(?:2\.5|3)-coder|llama-(?:2|3|3\.1|3\.3)(?:-|$)"
)


@lru_cache(maxsize=8192)
def takes_images(model_id: str) -> bool | None:
    """Whether a model takes images, told from its id; None where its family is not known."""
    bare = bare_id(model_id)
    if _BY_NAME.search(bare) or _SEES.match(bare):
        return True
    return False if _BLIND.match(bare) else None
