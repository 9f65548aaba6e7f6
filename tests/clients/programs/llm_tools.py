"""llm: a chain with a tool, and a schema."""

import os

from llm.default_plugins.openai_models import Chat

model = Chat(
    "ours",
    model_name="gpt-4o",
    api_base=os.environ["CHAT_TUI_URL"] + "/v1",
    supports_tools=True,
    supports_schema=True,
)
model.key = os.environ["CHAT_TUI_TOKEN"]


def weather(city: str) -> str:
    """Tells the weather."""
    return f"sunny in {city}"


chain = model.chain("Weather?", tools=[weather])
assert "sunny in Paris" in chain.text()
schema = {"type": "object", "properties": {"city": {"type": "string"}}}
assert "Paris" in model.prompt("Where?", schema=schema).text()
