"""Makes an elia database with elia's own code: `XDG_DATA_HOME=… python make_elia.py` where elia-chat is installed."""

import asyncio
import datetime

from elia_chat.chats_manager import ChatsManager
from elia_chat.config import EliaChatModel
from elia_chat.database.database import create_database
from elia_chat.models import ChatData, ChatMessage

MODEL = EliaChatModel(id="elia-gpt-4o", name="gpt-4o", display_name="GPT-4o", provider="OpenAI")


def message(role: str, text: str, minute: int) -> ChatMessage:
    time = datetime.datetime(2026, 1, 2, 3, minute, tzinfo=datetime.UTC)
    return ChatMessage(message={"role": role, "content": text}, timestamp=time, model=MODEL)


async def begin(*messages: ChatMessage) -> int:
    id: int = await ChatsManager.create_chat(
        ChatData(id=None, title=None, create_timestamp=None, model=MODEL, messages=list(messages))
    )
    return id


async def main() -> None:
    await create_database()
    first = await begin(message("system", "You are brief.", 0), message("user", "What is a tree? 漢字", 1))
    answer = "A **perennial** plant.\n\n```python\nprint('x')\n```"
    for each in (
        message("assistant", answer, 2),
        message("user", "And a forest?", 3),
        message("assistant", "Many trees.", 4),
    ):
        await ChatsManager.add_message_to_chat(str(first), each)
    await ChatsManager.rename_chat(first, "On trees")
    second = await begin(message("system", "You are brief.", 5), message("user", "Good day", 6))
    await ChatsManager.archive_chat(str(second))


asyncio.run(main())
