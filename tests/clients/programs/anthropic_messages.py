"""anthropic: messages with a tool, as a stream; counted tokens; the list of models."""

import os

from anthropic import Anthropic, AuthenticationError

client = Anthropic(base_url=os.environ["CHAT_TUI_URL"], api_key=os.environ["CHAT_TUI_TOKEN"])
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tools = [{"name": "weather", "input_schema": SCHEMA}]
talk = [{"role": "user", "content": "Weather?"}]
with client.messages.stream(model="claude-sonnet-4-5", max_tokens=100, messages=talk, tools=tools) as stream:
    message = stream.get_final_message()
assert message.stop_reason == "tool_use"
[call] = message.content
assert call.input == {"city": "Paris"}
result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
talk += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
told = client.messages.create(model="claude-sonnet-4-5", max_tokens=100, messages=talk, tools=tools)
assert "sunny" in told.content[0].text
assert client.messages.count_tokens(model="claude-sonnet-4-5", messages=talk, tools=tools).input_tokens > 10
assert "box/calls" in [model.id for model in client.models.list()]
try:
    Anthropic(base_url=os.environ["CHAT_TUI_URL"], api_key="wrong", max_retries=0).models.list()
except AuthenticationError:
    pass
else:
    raise AssertionError("a wrong key was taken")
