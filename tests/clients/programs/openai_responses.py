"""openai-python: the Responses API with a tool, continued by the id of the response; structured output."""

import json
import os

from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=os.environ["CHAT_TUI_URL"] + "/v1", api_key=os.environ["CHAT_TUI_TOKEN"])
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tools = [{"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}]
with client.responses.stream(model="gpt-4o", input="Weather?", tools=tools, store=True) as stream:
    first = stream.get_final_response()
[call] = first.output
assert json.loads(call.arguments) == {"city": "Paris"}
result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
second = client.responses.create(model="gpt-4o", input=[result], tools=tools, previous_response_id=first.id)
assert "sunny" in second.output_text


class Place(BaseModel):
    city: str


assert client.responses.parse(model="gpt-4o", input="Hi", text_format=Place).output_parsed == Place(city="Paris")
