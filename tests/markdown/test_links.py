"""A link that has not come whole: nothing of its target is shown, and its text stays where it is."""

import pytest

from chat_tui.markdown.links import bare_addresses
from chat_tui.markdown.splitter import BlockSplitter


def shown(text: str) -> str:
    """The unfinished rest of a text that has come so far."""
    splitter = BlockSplitter()
    splitter.feed(text)
    return "\n".join(block.source for block in splitter.open())


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("See ", "[the docs]"),
        ("* an item\n* see ", "[the docs]"),
        ("> see ", "[the docs]"),
        ("| a | b |\n|---|---|\n| x | ", "[the docs]"),
        ("A `span`, and ", "![a cat]"),
    ],
)
@pytest.mark.parametrize("target", ["", "h", "https://docs.python.org/3", 'https://docs.python.org/3 "The docs'])
def test_the_target_of_a_link_is_shown_once_it_is_whole(before: str, text: str, target: str) -> None:
    assert shown(f"{before}{text}({target}").endswith(f"{text}()")
    whole = f"{text}({target}{target.count(chr(34)) * chr(34)})"
    assert shown(f"{before}{whole}").endswith(whole)


@pytest.mark.parametrize(
    "text",
    [
        "A `span[of](code",
        "```python\nhandlers[name](argument",
        "1. An item\n   ```python\n   handlers[name](argument",
        "It is no link](https://example.org",
        "[a note] (which goes on",
    ],
)
def test_what_is_no_link_is_shown_as_it_comes(text: str) -> None:
    assert shown(text).endswith(text.split("\n")[-1].strip())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://a.example/x.", ["https://a.example/x"]),
        ("(https://a.example/b_(c)) and www.b.example!", ["https://a.example/b_(c)", "www.b.example"]),
        ("https://a.example/?q=1&r=2, http://b.example", ["https://a.example/?q=1&r=2", "http://b.example"]),
        ("xhttps://a.example ftp://a.example https://", []),
        ("https://a.example/\u202ex", []),
    ],
)
def test_bare_addresses_are_found_without_the_signs_behind_them(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end, _ in bare_addresses(text)] == found
