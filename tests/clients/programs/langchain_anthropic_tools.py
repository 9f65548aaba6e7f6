"""langchain-anthropic: `bind_tools` and `with_structured_output`."""

import os

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel


@tool
def weather(city: str) -> str:
    """Tells the weather."""
    return f"sunny in {city}"


class Place(BaseModel):
    """A place."""

    city: str


model = ChatAnthropic(
    model="claude-sonnet-4-5", base_url=os.environ["CHAT_TUI_URL"], api_key=os.environ["CHAT_TUI_TOKEN"]
)
bound = model.bind_tools([weather])
talk = [HumanMessage("Weather?")]
called = bound.invoke(talk)
[call] = called.tool_calls
talk += [called, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
assert "sunny in Paris" in bound.invoke(talk).text
assert model.with_structured_output(Place).invoke("Where?") == Place(city="Paris")
