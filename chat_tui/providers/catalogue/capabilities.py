"""Which families of models take images, think, or use tools, if neither config nor server says so."""

from __future__ import annotations

from functools import lru_cache

from chat_tui.core.models import Provider
from chat_tui.core.text.addresses import host_of
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.catalogue.model_name import bare_id

_SEES = lazy_pattern(
    r"(?:chatgpt|gpt)-4o|gpt-4\.[15]|gpt-4-turbo|gpt-[5-9]|o1(?!-mini|-preview)\b|o3(?!-mini)\b|o4\b"
    r"|claude-(?:[3-9]|opus|sonnet|haiku|fable|mythos)|gemini|gemma-3(?!n|-1b|-270m)|gemma-[4-9]|llama-4"
    r"|mistral-small-(?:3\.[1-9]|4|2503|2506|26)|mistral-medium-(?:3|25)|mistral-large-(?:3|4|2512)|ministral-(?:3-|\d+b-2512)"
    r"|qwen3\.[5-9](?!.*coder)|kimi-k(?:2\.[5-9]|[3-9])|muse-|glm-5v|grok-[4-9]|nova-(?:lite|pro|premier)"
    r"|phi-4-multimodal|kimi-vl|molmo|moondream|minicpm-v|internvl|idefics|glm-4(?:\.\d)?v"
)
_BY_NAME = lazy_pattern(r"(?:^|-|\d)(?:vl|vlm|vision)\b|llava|pixtral|smolvlm|qvq")
_BLIND = lazy_pattern(
    r"gpt-3\.5|gpt-oss|gpt-4(?:-\d{4}|-32k.*)?$|o1-(?:mini|preview)|o3-mini|claude-(?:2|instant)|deepseek-(?!vl)"
    r"|smollm|tinyllama|mixtral|codestral|mistral-(?:7b|nemo)|qwen(?:2\.5|3)-coder|llama-(?:2|3|3\.1|3\.3)(?:-|$)"
)
_THINKS = lazy_pattern(
    r"o[134]\b|gpt-5(?!.*chat)|gpt-[6-9]|gpt-oss|claude-3-7|claude-(?:opus|sonnet|haiku|fable|mythos)-[4-9]|claude-[4-9]"
    r"|gemini-(?:2\.5|[3-9])|deepseek-(?:r\d|v3\.[1-9]|v[4-9]|flash|pro)|kimi-k(?:2\.[5-9]|[3-9])|muse-|qwen3(?!.*(?:instruct|coder))|qwq|qvq|magistral|grok-3-mini"
    r"|grok-[4-9]|glm-(?:4\.[5-9]|z1|[5-9])|minimax-m\d|smollm-?3|nova-2|seed-oss|ernie-x1|hunyuan-(?:t1|a13b)"
)
_NAMED = lazy_pattern(r"(?:^|-)(non-|no-)?(?:thinking|reasoning|reasoner)\b")
_SAYS_AT_ONCE = lazy_pattern(
    r"gpt-(?:3\.5|4)|chatgpt|claude-(?:2|instant|3-(?:opus|sonnet|haiku|5))|gemini-(?:1|2\.0)|deepseek-(?:chat|coder)"
    r"|llama-?[234]|llava|gemma-[123]|mi[sx]tral|codestral|pixtral|smollm-?2|smolvlm|tinyllama|qwen(?:1\.5|2)|phi-[23]"
    r"|command-r"
)
_SEARCHES = lazy_pattern(
    r"gpt-4o(?!.*(?:audio|realtime|search))|gpt-4\.1(?!-nano)|gpt-[5-9](?!.*nano)|o3(?!-mini)|o4-mini"
)

_USES_TOOLS = lazy_pattern(
    r"(?:chatgpt|gpt)-4o|gpt-4\.[15]|gpt-4-turbo|gpt-3\.5-turbo(?!-instruct)|gpt-[5-9]|gpt-oss|o1(?!-mini|-preview)\b|o[34]\b"
    r"|claude-(?:[3-9]|opus|sonnet|haiku|fable|mythos)|gemini-(?:1\.5|[2-9])|grok-[2-9]|command-(?:r|a)"
    r"|mistral-(?:large|medium|small|nemo)|ministral|devstral|magistral|llama-(?:3\.[1-9]|4)|qwen(?:2\.5|3)|qwen-(?:max|plus|turbo)"
    r"|deepseek-(?:v3|v[4-9]|chat)|kimi-k[2-9]|glm-(?:4\.[5-9]|[5-9])|minimax-m\d|nova-(?:micro|lite|pro|premier)|muse-"
)
_NO_TOOLS = lazy_pattern(
    r"gpt-3\.5-turbo-instruct|gpt-4-vision|o1-(?:mini|preview)|claude-(?:2|instant)|gemini-1\.0|gemma-[12](?![\d.])"
    r"|llama-2|llama-3(?:-|$)|tinyllama|smollm-?[12]?(?:-|$)|phi-[123](?:\D|$)|falcon|vicuna|codellama|starcoder"
    r"|deepseek-(?:coder|llm)|mistral-7b-v0\.1|sonar|moondream|llava"
)


@lru_cache(maxsize=8192)
def uses_tools(model_id: str) -> bool | None:
    """Return whether a model can use tools, judged by its id; None if its family is not known."""
    bare = bare_id(model_id)
    if _NO_TOOLS.match(bare):
        return False
    return True if _USES_TOOLS.match(bare) else None


@lru_cache(maxsize=8192)
def thinks(model_id: str) -> bool | None:
    """Return whether a model can think before it answers, judged by its id; None if its family is not known."""
    bare = bare_id(model_id)
    if (named := _NAMED.search(bare)) is not None:
        return not named[1]
    if _THINKS.match(bare):
        return True
    return False if _SAYS_AT_ONCE.match(bare) else None


@lru_cache(maxsize=8192)
def searches_web(model_id: str) -> bool:
    """Return whether OpenAI's own web search works with a model, judged by its id."""
    return _SEARCHES.match(bare_id(model_id)) is not None


def has_responses(provider: Provider) -> bool:
    """Return whether a provider has OpenAI's Responses: it is OpenAI itself, or the config says so."""
    is_openai = provider.dialect == "openai" and host_of(provider.base_url).lower() == "api.openai.com"
    return is_openai or provider.dialect == "openai-responses"


@lru_cache(maxsize=8192)
def takes_images(model_id: str) -> bool | None:
    """Return whether a model takes images, judged by its id; None if its family is not known."""
    bare = bare_id(model_id)
    if _BY_NAME.search(bare) or _SEES.match(bare):
        return True
    return False if _BLIND.match(bare) else None
