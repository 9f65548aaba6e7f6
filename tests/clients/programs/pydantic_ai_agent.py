"""pydantic-ai: an agent with a tool by both of OpenAI's APIs, and structured output."""

import os

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

URL, KEY = os.environ["CHAT_TUI_URL"], os.environ["CHAT_TUI_TOKEN"]
openai = OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)


class Place(BaseModel):
    """A place."""

    city: str


for model in (
    OpenAIChatModel("gpt-4o", provider=openai),
    OpenAIResponsesModel("gpt-4o", provider=openai),
):
    agent = Agent(model)

    @agent.tool_plain
    def weather(city: str) -> str:
        """Tells the weather."""
        return f"sunny in {city}"

    assert "sunny in Paris" in agent.run_sync("Weather?").output, model
    assert Agent(model, output_type=Place).run_sync("Where?").output == Place(city="Paris"), model
told = Agent(OpenAIChatModel("gpt-4o", provider=openai), output_type=NativeOutput(Place)).run_sync("Where?")
assert told.output == Place(city="Paris")
