"""langchain-openai: `bind_tools` and `with_structured_output`, by both of OpenAI's APIs."""

import os

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


@tool
def weather(city: str) -> str:
    """Tells the weather."""
    return f"sunny in {city}"


class Place(BaseModel):
    """A place."""

    city: str


for uses_responses in (False, True):
    model = ChatOpenAI(
        model="gpt-4o",
        base_url=os.environ["CHAT_TUI_URL"] + "/v1",
        api_key=os.environ["CHAT_TUI_TOKEN"],
        use_responses_api=uses_responses,
    )
    bound = model.bind_tools([weather])
    talk = [HumanMessage("Weather?")]
    called = bound.invoke(talk)
    [call] = called.tool_calls
    talk += [called, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
    assert "sunny in Paris" in bound.invoke(talk).text
    assert sum((chunk for chunk in bound.stream(talk[:1])), start=next(bound.stream(talk[:1]))).tool_calls
    for method in ("json_schema", "function_calling"):
        assert model.with_structured_output(Place, method=method).invoke("Where?") == Place(city="Paris")
