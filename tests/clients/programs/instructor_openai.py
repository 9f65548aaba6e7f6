"""instructor: structured output by tools, by JSON Schema and in parallel."""

import os

import instructor
from openai import OpenAI
from pydantic import BaseModel


class Place(BaseModel):
    """A place."""

    city: str


talk = [{"role": "user", "content": "Where?"}]
openai = OpenAI(base_url=os.environ["CHAT_TUI_URL"] + "/v1", api_key=os.environ["CHAT_TUI_TOKEN"])
for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA, instructor.Mode.TOOLS_STRICT):
    client = instructor.from_openai(openai, mode=mode)
    told = client.chat.completions.create(model="gpt-4o", messages=talk, response_model=Place)
    assert told.city == "Paris", mode
client = instructor.from_openai(openai)
*_, last = client.chat.completions.create_partial(model="gpt-4o", messages=talk, response_model=Place)
assert last.city == "Paris"
