"""openai-python: chat completions with a tool, as a stream; structured output; old functions."""

import json
import os

from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=os.environ["CHAT_TUI_URL"] + "/v1", api_key=os.environ["CHAT_TUI_TOKEN"])
FUNCTION = {
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
tools = [{"type": "function", "function": FUNCTION}]
talk = [{"role": "user", "content": "Weather?"}]
with client.chat.completions.stream(model="gpt-4o", messages=talk, tools=tools) as stream:
    message = stream.get_final_completion().choices[0].message
[call] = message.tool_calls
assert json.loads(call.function.arguments) == {"city": "Paris"}
talk += [message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
told = client.chat.completions.create(model="gpt-4o", messages=talk, tools=tools)
assert "sunny" in told.choices[0].message.content


class Place(BaseModel):
    city: str
    days: int


parsed = client.chat.completions.parse(model="gpt-4o", messages=talk[:1], response_format=Place)
assert parsed.choices[0].message.parsed == Place(city="Paris", days=2)
old = client.chat.completions.create(model="gpt-4o", messages=talk[:1], functions=[FUNCTION])
assert old.choices[0].message.function_call.name == "weather"
