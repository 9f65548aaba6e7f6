"""openai-python: embeddings and old completions."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["CHAT_TUI_URL"] + "/v1", api_key=os.environ["CHAT_TUI_TOKEN"])
told = client.embeddings.create(model="box/calls", input=["a", "b"])
assert [row.embedding for row in told.data] == [[0.5, 0], [0.5, 1]]
assert client.completions.create(model="gpt-4o", prompt="Hi").choices[0].text == "Hello there."
