"""An exported HTML file: what it has, that hostile text stays text, and that nothing is loaded or run."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import ErrorInfo, Timings, Usage
from chat_tui.core.conversation import Conversation, QuickAnswer, Tree, Turn
from chat_tui.core.route import Route
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.history.queries import branches, reads, writes
from chat_tui.history.store import Store
from chat_tui.history.transfer.exporting import export_text
from chat_tui.history.transfer.html_document import HtmlDocument
from chat_tui.markdown.html.rendering import render_pieces

WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
EVIL = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> \"' onclick=alert(1) </title></style></details>"
    " <iframe src=http://evil.example>"
)
EVIL_MARKDOWN = f"""{EVIL}

[run](javascript:alert(1)) ![pixel](http://evil.example/p.png) ![svg](data:image/svg+xml;base64,PHN2Zy8+)
[page](data:text/html,<script>alert(1)</script>) [fine](https://example.org/?a="onmouseover=alert(1))

```"><script>
</code></pre><script>alert(1)</script>
```

<details><summary>{EVIL}</summary>

inside {EVIL}

</details>
"""
VOID = {"meta", "img", "br", "hr"}


class Reader(HTMLParser):
    """The elements of a file, which must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def written(*path: Turn, images_limit: int = 1000, others: int = 0, title: str = "Harbour", system: str = "") -> str:
    conversation = Conversation("c", title, system_prompt=system, created=WHEN, path=path)
    turns = (*path, *(Turn("user", "hidden version", id=f"o{number}") for number in range(others)))
    return "".join(HtmlDocument(Tree(conversation, turns), images_limit).parts())


def test_memory_that_was_sent_is_told_where_it_changes() -> None:
    memory = (MemoryText("memory.md", f"- I live in Bern {EVIL}"),)
    path = tuple(Turn(role, "x", id=f"{role}{n}") for n in range(3) for role in ("user", "assistant"))
    routes = {f"assistant{n}": Route("fixed", memory=() if n == 2 else memory) for n in range(3)}
    tree = Tree(Conversation("c", path=path, created=WHEN), path, routes=routes)
    text = "".join(HtmlDocument(tree).parts())
    Reader(text)
    assert text.count("Memory that was sent: memory.md") == text.count("I live in Bern") == 1
    assert text.count("From here on no memory was sent.") == 1
    assert "<script" not in text


def test_the_file_has_all_of_the_current_branch() -> None:
    call = ToolCall("c1", "read", '{"path": "lighthouse.txt"}')
    answer = Turn(
        "assistant",
        "There are **twelve**.\n\n```python\nprint(12)\n```",
        model="box/m",
        served_model="m-2",
        created=WHEN,
        thinking="I should look.",
        usage=Usage(1000, 20, 1020),
        cost=0.25,
        timings=Timings(duration_seconds=2.5),
        quick=QuickAnswer("About ten.", "box/small"),
        calls=(call,),
    )
    result = Turn("tool", "Twelve boats.", state="failed", result=ToolResult("c1", "read", "files", '{"a": 1}', "[12]"))
    late = Turn("assistant", "And", model="box/m", state="broken", error=ErrorInfo("x", "The line broke."))
    text = written(Turn("user", "How *many*?\nBoats"), answer, result, late, others=2, system="Be brief.")
    for part in (
        "<title>Harbour</title>",
        '<time datetime="2026-03-01T12:30:00Z">2026-03-01 12:30 UTC</time>',
        "not included: 2 messages of other branches",
        "<summary>System prompt</summary>",
        "Be brief.",
        "How *many*?\nBoats",
        "<span>box/m</span>",
        "<summary>Thinking</summary>",
        "I should look.",
        "<strong>twelve</strong>",
        '<span class="n">12</span>',
        "<summary>Quick answer by box/small</summary>",
        "<summary>Called read</summary>",
        "lighthouse.txt",
        "<summary>Result of read · files · failed</summary>",
        "Twelve boats.",
        "The answer broke off here. The line broke.",
        "tokens: 1,000 in, 20 out · $0.2500 · answered by m-2 · 2.5 s",
    ):
        assert part in text, part
    assert "hidden version" not in text
    assert "<details open" not in text
    assert "<button" not in text
    Reader(text)


def test_hostile_text_stays_text_and_nothing_is_loaded() -> None:
    call = ToolCall("c1", EVIL, EVIL)
    answer = Turn(
        "assistant",
        EVIL_MARKDOWN,
        model=EVIL,
        served_model=EVIL,
        thinking=EVIL,
        state="failed",
        error=ErrorInfo("x", EVIL),
        quick=QuickAnswer(EVIL_MARKDOWN, EVIL),
        calls=(call,),
    )
    result = Turn("tool", EVIL, result=ToolResult("c1", EVIL, EVIL, EVIL, EVIL))
    files = (
        Attachment(EVIL, "image/png", PNG),
        Attachment("a.svg", "image/svg+xml", SVG),
        Attachment("b.png", "image/png", SVG),
        Attachment(EVIL, EVIL, b"text"),
    )
    text = written(Turn("user", EVIL, attachments=files), answer, result, title=EVIL, system=EVIL)
    elements = Reader(text).elements
    assert {tag for tag, _ in elements}.isdisjoint(
        {"script", "iframe", "svg", "link", "object", "form", "base", "button"}
    )
    for tag, attributes in elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset")]
        if tag != "a":
            assert "href" not in attributes
        assert (attributes.get("src") or "data:image/png;base64,").startswith("data:image/png;base64,")
    links = [attributes["href"] for tag, attributes in elements if tag == "a"]
    assert links
    assert all(link is not None and link.startswith(("http://", "https://")) for link in links)
    assert [tag for tag, _ in elements].count("img") == 1
    [policy] = [each["content"] for _, each in elements if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_images_are_in_the_file_up_to_a_limit() -> None:
    images = tuple(Attachment(f"{number}.png", "image/png", PNG) for number in range(3))
    bare = Attachment("bare.png", "image/png", size_bytes=9)
    note = Attachment("note.txt", "text/plain", b"words")
    text = written(Turn("user", "see", attachments=(*images, bare, note)), images_limit=100)
    assert text.count('<img src="data:image/png;base64,') == 2
    assert "Attached: 2.png · image/png · 48 bytes · not included: the limit for images is 100 bytes in all" in text
    assert "Attached: bare.png · image/png · 9 bytes · not included<" in text
    assert "Attached: note.txt · text/plain · 5 bytes<" in text


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("```python\n" + "x = 1\n" * 4_000 + "```", ("pre", "code")),
        ("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 2_000, ("table", "thead")),
        ("".join(f"{number}. line\n" for number in range(1, 2_000)), ("ol",)),
        ("word " * 40_000, ("p",)),
    ],
)
def test_a_long_block_is_one_block(text: str, tags: tuple[str, ...]) -> None:
    assert any(piece.joins for piece in render_pieces(text))
    whole = written(Turn("assistant", text))
    found = Reader(whole[whole.index('<div class="text">') :].partition("</article>")[0]).elements
    for tag in tags:
        assert [name for name, _ in found].count(tag) == 1, tag


def test_folds_of_an_answer_contain_what_belongs_to_them() -> None:
    fold = "<details><summary>{}</summary>\n\n{}\n\n</details>\n\n"
    text = written(Turn("assistant", fold.format("one", "inside\n\n" + fold.format("two", "deep")) + "after"))
    _, _, answer = text.partition('<div class="text">')
    assert "".join(answer.partition("</div>")[0].split("\n")) == (
        '<details class="fold"><summary>one</summary><p>inside</p><details class="fold"><summary>two</summary>'
        "<p>deep</p></details></details><p>after</p>"
    )


async def test_the_images_of_the_store_are_exported(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    try:
        await store.write(writes.add_conversation, Conversation("c", "Harbour", created=WHEN, updated=WHEN))
        question = Turn("user", "see", id="q", created=WHEN, attachments=(Attachment("a.png", "image/png", PNG),))
        await store.write(writes.add_turn, "c", question)
        await store.write(writes.add_turn, "c", replace(question, id="q2", attachments=(), text="other version"))
        await store.write(branches.select, "c", "q")
        text = await export_text(store, await store.read(reads.tree, "c"), "html")
        assert '<img src="data:image/png;base64,' in text
        assert "not included: 1 message of other branches" in text
    finally:
        await store.close()
