"""The smallest Textual app that streams an answer: what chat-tui is measured against.

A `Markdown` widget fed by `MarkdownStream`, a `TextArea`; Enter asks the server that `BENCH_URL` names, Esc cancels,
Ctrl+Q quits. The HTTP client is imported with the first question, so that it does not weigh on the start.
"""

from __future__ import annotations

import json
import os

from textual import events, work
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Markdown, TextArea


class Question(TextArea):
    """A text area that asks on Enter."""

    class Asked(Message):
        """Enter was pressed."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            self.post_message(self.Asked())
        else:
            await super()._on_key(event)


class BareApp(App[None]):
    """The whole of it."""

    CSS = "Question { height: 5; } VerticalScroll { height: 1fr; }"
    BINDINGS = [("escape", "cancel", "Cancel")]
    ENABLE_COMMAND_PALETTE = False

    def compose(self) -> ComposeResult:
        """An answer's place above, the question's below."""
        with VerticalScroll(can_focus=False):
            yield Markdown()
        yield Question(placeholder="Ask anything")

    def on_mount(self) -> None:
        """Follow the answer's end; type at once."""
        self.query_one(VerticalScroll).anchor()
        self.query_one(Question).focus()

    def on_question_asked(self) -> None:
        """Send what was typed."""
        question = self.query_one(Question)
        self.ask(question.text)
        question.clear()

    def action_cancel(self) -> None:
        """Stop the running answer."""
        self.workers.cancel_all()

    @work(exclusive=True)
    async def ask(self, text: str) -> None:
        """Stream one answer."""
        import httpx

        markdown = self.query_one(Markdown)
        await markdown.update("")
        stream = Markdown.get_stream(markdown)
        body = {"model": "bare", "stream": True, "messages": [{"role": "user", "content": text}]}
        url = os.environ["BENCH_URL"] + "/chat/completions"
        try:
            async with (
                httpx.AsyncClient(timeout=None) as client,
                client.stream("POST", url, json=body) as response,
            ):
                async for line in response.aiter_lines():
                    if not line.startswith("data: {"):
                        continue
                    for choice in json.loads(line[6:])["choices"]:
                        if piece := choice["delta"].get("content"):
                            await stream.write(piece)
        finally:
            await stream.stop()


if __name__ == "__main__":
    BareApp().run()
