"""litellm: a tool by OpenAI's format and by Anthropic's, as a stream, and structured output."""

import os

import litellm
from pydantic import BaseModel

URL, KEY = os.environ["CHAT_TUI_URL"], os.environ["CHAT_TUI_TOKEN"]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tools = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]


class Place(BaseModel):
    """A place."""

    city: str


for model, base in (("openai/gpt-4o", f"{URL}/v1"), ("anthropic/claude-sonnet-4-5", URL)):
    talk = [{"role": "user", "content": "Weather?"}]
    told = litellm.completion(model=model, api_base=base, api_key=KEY, messages=talk, tools=tools)
    message = told.choices[0].message
    [call] = message.tool_calls
    assert call.function.arguments.replace(" ", "") == '{"city":"Paris"}'
    talk += [message.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    stream = litellm.completion(model=model, api_base=base, api_key=KEY, messages=talk, tools=tools, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "sunny" in text, (model, text)
parsed = litellm.completion(
    model="openai/gpt-4o",
    api_base=f"{URL}/v1",
    api_key=KEY,
    messages=[{"role": "user", "content": "Where?"}],
    response_format=Place,
)
assert Place.model_validate_json(parsed.choices[0].message.content) == Place(city="Paris")
