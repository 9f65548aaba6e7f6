"""What a server refuses is told from its error, by tables: fields, system prompts, streams, limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat_tui.providers.dialects import dialect
from chat_tui.providers.dialects.parsing.output_limits import OutputLimit, output_limit
from chat_tui.providers.dialects.parsing.refused_fields import refused_field, without_fields
from chat_tui.providers.http.remedies import remedy

SENT: dict[str, Any] = {
    "model": "gpt-4-0613",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "stop"}],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 100_000,
    "temperature": 0.2,
    "top_p": 0.5,
    "stop": ["a", "b", "c", "d", "e"],
    "seed": 7,
    "reasoning_effort": "low",
    "chat_template_kwargs": {"enable_thinking": True},
}
GEMINI: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "x"}]}],
    "generationConfig": {"topP": 0.5, "maxOutputTokens": 100_000, "stopSequences": ["a"], "seed": 3},
}
OLLAMA: dict[str, Any] = {"model": "m", "messages": [], "options": {"num_ctx": 9, "top_p": 0.5}, "think": True}
CLAUDE: dict[str, Any] = {
    "model": "m",
    "messages": [],
    "max_tokens": 9,
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "stop_sequences": ["a"],
}


def openai(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    ("error", "sent", "field"),
    [
        (openai("Unrecognized request argument supplied: top_p"), SENT, "top_p"),
        (openai("Unsupported parameter: 'top_p' is not supported with this model.", param="top_p"), SENT, "top_p"),
        (openai("Bad.", param="seed", code="unsupported_parameter"), SENT, "seed"),
        (openai("Unknown parameter: 'stop'."), SENT, "stop"),
        (openai("Argument not supported on this model: reasoningEffort"), SENT, "reasoning_effort"),
        (openai("Model grok-4 does not support parameter reasoningEffort."), SENT, "reasoning_effort"),
        (openai("property 'chat_template_kwargs' is unsupported"), SENT, "chat_template_kwargs"),
        (openai("seed is not supported"), SENT, "seed"),
        (openai("create() got an unexpected keyword argument 'top_p'"), SENT, "top_p"),
        ({"error": 'json: unknown field "seed"'}, SENT, "seed"),
        ({"detail": [{"loc": ["body", "stop"], "msg": "Extra inputs are not permitted"}]}, SENT, "stop"),
        ({"detail": [{"loc": ["body", "top_p"], "msg": "extra fields not permitted"}]}, SENT, "top_p"),
        ({"detail": "Additional properties are not allowed ('seed' was unexpected)"}, SENT, "seed"),
        ({"message": "extra field: stream_options", "type": "x"}, SENT, "stream_options"),
        (openai("Invalid JSON payload. Unknown name \"topP\" at 'generation_config'"), GEMINI, "generationConfig.topP"),
        (
            openai("Bad.", details=[{"fieldViolations": [{"field": "generation_config.stop_sequences"}]}]),
            GEMINI,
            "generationConfig.stopSequences",
        ),
        (
            openai(
                "Unknown name \"seed\" at 'generation_config': Cannot find field.",
                details=[{"fieldViolations": [{"field": "generation_config"}]}],
            ),
            GEMINI,
            "generationConfig.seed",
        ),
        (openai("stop 参数非法。请检查文档。"), SENT, "stop"),
        ({"error": "option num_ctx is not allowed"}, OLLAMA, "options.num_ctx"),
        ({"error": "model does not support think"}, OLLAMA, "think"),
        (openai("thinking.budget_tokens: Input should be greater than 2048"), CLAUDE, "thinking"),
        (openai("stop_sequences: Extra inputs are not permitted"), CLAUDE, "stop_sequences"),
        (openai("max_tokens: Field required", param="max_tokens"), CLAUDE, None),
        (openai("messages.0.content: unsupported", param="messages[0].content"), SENT, None),
        (openai("The model `gpt-9` does not exist", param="model"), SENT, None),
        (openai("We could not process this. Please stop."), SENT, None),
        (openai("Something else is wrong with frequency_penalty"), SENT, None),
    ],
)
def test_the_field_that_is_refused_is_found_however_it_is_named(
    error: Any, sent: dict[str, Any], field: str | None
) -> None:
    inner = error.get("error", error)
    text = inner if isinstance(inner, str) else str(inner.get("message") or inner.get("detail"))
    found = refused_field(text, error, sent, {"max_tokens"} if sent is CLAUDE else ())
    assert (found.name if found else None) == field


@pytest.mark.parametrize(
    ("error", "value_only"),
    [
        (openai("Invalid 'stop': array too long. Expected at most 4, but got 5", param="stop"), True),
        (openai("top_p must be between 0 and 1"), True),
        (openai("invalid temperature: only 1 is allowed for this model"), True),
        (
            openai("Unsupported value: 'temperature' does not support 0.2. Only 1 is supported.", param="temperature"),
            True,
        ),
        (openai("Unsupported parameter: 'stop' is not supported with this model.", param="stop"), False),
        (openai("seed is not supported"), False),
        ({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, False),
    ],
)
def test_a_value_that_is_refused_leaves_other_values_alone(error: Any, value_only: bool) -> None:
    found = refused_field(str(error), error, SENT)
    assert found is not None
    assert found.value_only is value_only
    body, left_out = without_fields(json.dumps(SENT).encode(), [found.quirk])
    assert set(SENT) - set(json.loads(body)) == {found.name}
    assert left_out == [found.quirk]
    other = json.dumps({**SENT, found.name: 1}).encode()
    assert (without_fields(other, [found.quirk])[0] == other) is value_only


def test_what_holds_nothing_any_more_is_left_out_too() -> None:
    body = json.dumps({"options": {"num_ctx": 3}, "stream_options": {"include_usage": True}, "a": 1}).encode()
    left, _ = without_fields(body, ["without:options.num_ctx", "without:stream_options.include_usage", "without:b.c"])
    assert json.loads(left) == {"a": 1}
    assert without_fields(b"no json", ["prefill"]) == (b"no json", ())


# -- remedies of all dialects ------------------------------------------------------------------------------------------


def quirk_of(status: int, error: Any, sent: dict[str, Any] = SENT, spoken: str = "openai") -> str | None:
    found = remedy(status, json.dumps(error).encode(), sent, dialect(spoken), ())
    return found.quirk if found else None


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "System role not supported"),
        (500, "jinja2.exceptions.TemplateError: System role not supported"),
        (500, "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "Only user and assistant roles are supported!"),
        (422, "Only user, assistant and tool roles are supported."),
        (400, "This model does not support system messages."),
        (400, "This model doesn't support the system role"),
        (400, "system prompt is not supported by gemma-2"),
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        (400, "Invalid value: 'system'. Supported values are: 'user' and 'assistant'."),
        (400, "unexpected role 'system'"),
        (400, "Role 'system' is not supported. Please use 'user' or 'assistant'."),
        (400, "system: Extra inputs are not permitted"),
        (422, "messages.0.role: Input should be 'user' or 'assistant'"),
        (400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
        (500, "Error rendering prompt with jinja template: oops"),
        (400, "This model only supports user and assistant roles"),
        (400, "The first message must be a user message"),
        (400, "first message role must be user"),
        (400, "模型不支持system角色"),
    ],
)
def test_a_model_without_a_system_role_is_known_by_what_it_says(status: int, message: str) -> None:
    assert quirk_of(status, openai(message)) == "system"
    alone = {**SENT, "messages": [{"role": "user", "content": "x"}]}
    assert quirk_of(status, openai(message), alone) != "system"


@pytest.mark.parametrize(
    "error",
    [
        openai("Your organization must be verified to stream this model. Please go to: https://x", param="stream"),
        openai("Streaming is not supported for this model."),
        openai("streaming is disabled"),
        openai("This endpoint only supports non-streaming requests"),
        openai("stream is not supported"),
        openai("This model does not support streaming."),
        openai("Unsupported value: 'stream' does not support true with this model.", param="stream"),
        {"detail": "`stream` must be false"},
        openai("stream: Input should be False"),
        {"detail": [{"type": "literal_error", "loc": ["body", "stream"], "msg": "Input should be False"}]},
        openai("SSE is off; set stream to false"),
    ],
)
def test_a_model_that_is_not_streamed_is_known_by_what_it_says(error: Any) -> None:
    assert quirk_of(400, error) == "whole"
    assert quirk_of(400, error, {**SENT, "stream": False}) != "whole"


@pytest.mark.parametrize("message", ["stream_options is not supported", "Unknown parameter: 'stream_options'."])
def test_stream_options_are_another_matter(message: str) -> None:
    assert quirk_of(400, openai(message)) == "stream_options"


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-4", 64000),
        ("max_tokens is too large: 100000. This model supports at most 4096 completion tokens.", 4096),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("Range of max_tokens should be [1, 2048]", 2048),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the"
         " `context_window` for this model", 8192),
        ("It has a maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 8193 (exclusive).",
         8192),
        ("The maximum tokens you requested exceeds the model limit of 4096. Try again with a lower value.", 4096),
        ("The maximum value for max_tokens is 8,192.", 8192),
        ("max_tokens must be at most 16384, got 100000", 16384),
        ("max_tokens (100000) is too large, model gpt-4-0613 can do 16384", 16384),
        ("Invalid value for max_completion_tokens: integer above maximum value. Expected a value <= 4096, but got"
         " 100000 instead.", 4096),
        ("max_tokens must be between 1 and 4096", 4096),
        ("num_predict too high: limit is 500", 500),
        ("max_output_tokens must be in [2, 2048]", 2048),
        ("max_tokens cannot exceed 8K", 8000),
        ("The max_tokens parameter can be set up to 4096 for this model", 4096),
        ("Output token limit exceeded: requested 100000, limit 4096", 4096),
    ],
)  # fmt: skip
def test_the_most_that_a_model_writes_is_read_from_what_it_says(message: str, limit: int) -> None:
    assert output_limit(message, 100_000) == OutputLimit(limit)
    assert quirk_of(400, openai(message)) == f"max_tokens:{limit}"


@pytest.mark.parametrize(
    ("message", "room"),
    [
        ("input length and `max_tokens` exceed context limit: 150000 + 100000 > 200000, decrease one", 50_000),
        ("This model's maximum context length is 8192 tokens. However, you requested 101000 tokens (1000 in the"
         " messages, 100000 in the completion). Please reduce the length of the messages or completion.", 7192),
        ("This endpoint's maximum context length is 32768 tokens. However, you requested about 100100 tokens (100 of"
         " text input, 100000 in the output). Please reduce the length of either one.", 32_663),
        ("'max_tokens' or 'max_completion_tokens' is too large: 100000. This model's maximum context length is 8192"
         " tokens and your request has 5 input tokens (100000 > 8192 - 5).", 8187),
        ("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 1000 `inputs` tokens and"
         " 100000 `max_new_tokens`", 3096),
        ("You passed 900 input tokens and requested 100000 output tokens. However, the model's context length is only"
         " 8192 tokens, resulting in a maximum input length of 0 tokens.", 7292),
        ("Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of"
         " 100012 tokens: 12 tokens from the input messages and 100000 tokens for the completion.", 8180),
    ],
)  # fmt: skip
def test_what_a_window_leaves_for_the_reply_is_read_too(message: str, room: int) -> None:
    assert output_limit(message, 100_000) == OutputLimit(room, of_model=False)
    assert quirk_of(400, openai(message)) == f"room:{room}"


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 208310 tokens > 200000 maximum",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "This model's maximum context length is 8192 tokens. However, you requested 9100 tokens (8100 in the messages,"
        " 1000 in the completion).",
        "input length and `max_tokens` exceed context limit: 199990 + 21333 > 200000",
        "the input length exceeds the context length",
        "max_tokens must be at least 1, got -5",
        "temperature must be at most 1",
    ],
)
def test_a_prompt_that_is_too_long_alone_is_not_taken_for_a_limit_of_the_reply(message: str) -> None:
    assert output_limit(message, 1000) is None
