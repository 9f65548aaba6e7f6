"""Errors that say that a model cannot use tools, and others about tools."""

from __future__ import annotations

import pytest

from chat_tui.providers.dialects.parsing.tool_refusals import refuses_tools


@pytest.mark.parametrize(
    "text",
    [
        "registry.ollama.ai/library/gemma:2b does not support tools",
        "No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai",
        "tools is not supported in this model. For a list of supported models, refer to https://platform.openai.com",
        "Unsupported parameter: 'tools' is not supported with this model.",
        "`tool calling` is not supported with this model",
        "Function calling is not enabled for this model",
        "Function calling is not enabled for models/gemma-3-27b-it",
        "deepinfra error: Tool calling is not supported for model: mistralai/Mistral-Small-24B-Instruct-2501",
        "model features function calling not support",
        "deepseek-reasoner does not support Function Calling",
        "This model doesn't support tool use.",
        "tools param requires --jinja flag",
        "Internal server error: Unsupported tool_call_parser: None",
        "Unrecognized request argument supplied: functions",
        "tools: Extra inputs are not permitted",
        'Invalid JSON payload received. Unknown name "tools": Cannot find field.',
        "No connected provider supports tool calling for this model.",
        "property 'tools' is unsupported",
    ],
)
def test_a_model_that_cannot_use_tools_says_so(text: str) -> None:
    assert refuses_tools(text)


@pytest.mark.parametrize(
    "text",
    [
        "tool_choice `required` is not supported by this model",
        "This model does not support parallel tool calls",
        "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
        "tool_choice forces tool use is not compatible with this model",
        "Invalid schema for function 'add': schema must be a JSON Schema of 'type: \"object\"'",
        "Function calling with a response mime type: 'application/json' is unsupported",
        "Thinking may not be enabled when tool_choice forces tool use.",
        "This model does not support response format `json_schema`.",
        "The requested model is not available.",
        "temperature is not supported",
        "'strict' is not supported in tools",
        "",
    ],
)
def test_other_errors_about_tools_are_none(text: str) -> None:
    assert not refuses_tools(text)


def test_a_long_error_takes_no_time() -> None:
    assert not refuses_tools("tools and functions " * 100_000)
