"""The meaning of finish reasons: one table for all dialects, since no two of them disagree.

Sources: the API references of OpenAI, Anthropic, Google, Mistral, Cohere and Zhipu; vLLM, SGLang, TGI, Amazon Bedrock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chat_tui.core.chunks import State

_WORDS: Mapping[State, str] = {
    "complete": """stop stopped end end_turn end_of_turn stop_sequence eos eos_token eot done complete completed finish
        finished success tool_calls tool_call tool_use function_call load unload""",
    "length": """length max_tokens max_new_tokens max_output_tokens max_length token_limit error_limit model_length
        context_length context_window_exceeded context_length_exceeded model_context_window_exceeded incomplete""",
    "refused": """content_filter content_filtered refusal refused safety sensitive recitation language blocklist blocked
        prohibited_content spii image_safety image_prohibited_content image_recitation model_armor moderation
        guardrail guardrails guardrail_intervened error_toxic jailbreak""",
    "broken": """error abort aborted cancel canceled cancelled user_cancel interrupted network_error server_error
        internal_error timeout insufficient_system_resource malformed_function_call malformed_response
        malformed_model_output unexpected_tool_call too_many_tool_calls missing_thought_signature no_image
        image_other other""",
}
_STATES: Mapping[str, State] = {word: state for state, words in _WORDS.items() for word in words.split()}


_PARTS: Sequence[tuple[str, State]] = (
    *((part, "broken") for part in ("error", "fail", "abort", "cancel", "timeout", "timed_out", "interrupt")),
    *((part, "refused") for part in ("filter", "safety", "refus", "moderat", "prohibit", "guardrail", "violat")),
    *((part, "length") for part in ("max_tok", "max_len", "token_limit", "too_long")),
)
"""Parts of longer or newer reasons that mean the same, the most specific first."""
_PREFIXES = "finish_reason_", "finishreason_", "stop_reason_", "stopreason_"


def state_of(reason: str) -> State:
    """Return the state of an answer with this finish reason, in any case; an unknown reason means `complete`."""
    return _known_state(reason) or "complete"


def is_known(reason: str) -> bool:
    """Return whether the state already expresses this reason, or there is none."""
    return not reason or _known_state(reason) is not None


def _known_state(reason: str) -> State | None:
    word = _plain(reason)
    return _STATES.get(word) or next((state for part, state in _PARTS if part in word), None)


def _plain(reason: str) -> str:
    """Return the reason as in the table; some servers send the name of a constant, such as
    `FinishReason.MAX_TOKENS`."""
    word = "_".join(reason.lower().replace("-", " ").split()).rpartition(".")[2]
    return next((word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix)), word)
