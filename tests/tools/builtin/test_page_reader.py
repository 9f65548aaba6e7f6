"""Web pages are read as text; nothing of this machine or a private network is."""

from __future__ import annotations

import gzip
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from chat_tui.tools.builtin.page_reader import PageReader, PageRefused, is_public
from chat_tui.tools.builtin.page_text import page_text
from tests.doubles.page_server import Names, PageServer, loopback, serving

PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "::127.0.0.1", "ff02::1"),
    *("", "localhost", "x"),
]


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses_are_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize("ip", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are(ip: str) -> None:
    assert is_public(ip)


@pytest.fixture
async def pages() -> AsyncIterator[PageServer]:
    """A web server on loopback."""
    async with serving() as server:
        yield server


async def test_a_page_is_read_as_text(pages: PageServer) -> None:
    html = (
        "<html><head><title>The\x1b[31m title</title><style>no</style></head><body>"
        "<nav>menu</nav><h1>Head &amp; line</h1>"
        "<p>One <b>bold</b> word,<br>and <a href='/b?c=1'>a link</a>.<script>no</script></p>"
        "<ul><li>first<li>second</ul><pre>  a\n    b</pre><table><tr><td>1</td><td>2</td></tr></table></body></html>"
    )
    pages.serve("/x?y=1", html.encode())
    names = Names(page_example=["127.0.0.1"])
    page = await PageReader(resolve=names, is_allowed=loopback).read(f"http://page.example:{pages.port}/x?y=1#part")
    assert page.title == "The title"
    assert page.text.splitlines() == [
        "# Head & line",
        "",
        "One bold word,",
        f"and [a link](http://page.example:{pages.port}/b?c=1).",
        "",
        "- first",
        "- second",
        "",
        "```",
        "  a",
        "    b",
        "```",
        "",
        "| 1 | 2",
    ]
    assert f"Host: page.example:{pages.port}" in pages.requests[0]
    assert "Cookie" not in pages.requests[0]
    assert names.asked == ["page.example"]


async def test_redirects_are_followed_and_each_is_checked(pages: PageServer) -> None:
    pages.serve("/end", b"plain", "text/plain")
    pages.redirect("/", "/one")
    pages.redirect("/one", f"http://other.example:{pages.port}/end")
    pages.redirect("/in", f"http://inside.example:{pages.port}/end")
    pages.redirect("/file", "file:///etc/passwd")
    pages.redirect("/loop", "/loop")
    names = Names(page_example=["127.0.0.1"], other_example=["127.0.0.1"], inside_example=["127.0.0.2"])
    reader = PageReader(resolve=names, is_allowed=loopback)
    page = await reader.read(f"http://page.example:{pages.port}/")
    assert (page.address, page.text) == (f"http://other.example:{pages.port}/end", "plain")
    with pytest.raises(PageRefused, match=r"inside\.example is on this machine or in a private network"):
        await reader.read(f"http://page.example:{pages.port}/in")
    with pytest.raises(PageRefused, match="Only addresses that begin with http"):
        await reader.read(f"http://page.example:{pages.port}/file")
    with pytest.raises(PageRefused, match="redirects more than 5 times"):
        await reader.read(f"http://page.example:{pages.port}/loop")


async def test_the_checked_address_is_the_one_connected_to(pages: PageServer) -> None:
    """A name that means another address the next time it is looked up."""
    pages.serve("/", b"here", "text/plain")
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(host: str, port: int) -> Sequence[str]:
        return next(answers)

    page = await PageReader(resolve=resolve, is_allowed=loopback).read(f"http://rebound.example:{pages.port}/")
    assert page.text == "here"


async def test_a_host_with_one_private_address_is_refused(pages: PageServer) -> None:
    names = Names(mixed_example=["127.0.0.1", "10.0.0.1"])
    with pytest.raises(PageRefused, match="private network"):
        await PageReader(resolve=names, is_allowed=loopback).read(f"http://mixed.example:{pages.port}/")
    assert not pages.requests


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "0"]
)
async def test_no_spelling_of_this_machine_is_read(pages: PageServer, host: str) -> None:
    pages.serve("/", b"secret", "text/plain")
    with pytest.raises(PageRefused, match=r"private network|was not found"):
        await PageReader().read(f"http://{host}:{pages.port}/")
    assert not pages.requests


@pytest.mark.parametrize(
    "address",
    [
        *("", "x", "file:///etc/passwd", "ftp://a.example/", "http://", "http://user:pw@a.example/", "http://a b/"),
        *("http://a.example/\r\nX: y", "http://[::1", "http://a.example:99999/", "https://ä.example/", "x" * 5000),
    ],
)
async def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(PageRefused):
        await PageReader(resolve=Names(a_example=["127.0.0.1"])).read(address)


async def test_pages_are_bounded_in_size_and_time(pages: PageServer) -> None:
    pages.serve("/big", b"<p>" + b"0123456789" * 600_000)
    pages.serve("/bomb", gzip.compress(b"x" * 100_000_000), "text/plain", "Content-Encoding: gzip")
    pages.serve("/image", b"\x89PNG", "image/png")
    pages.replies["/slow"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nthis never ends"
    names = Names(page_example=["127.0.0.1"])
    reader = PageReader(resolve=names, is_allowed=loopback)
    at = f"http://page.example:{pages.port}"
    big = await reader.read(f"{at}/big")
    assert len(big.text) < 200_100
    assert big.text.endswith("[the result was cut: these are the first 200 kB of 5.0 MB]")
    assert len((await reader.read(f"{at}/bomb")).text) < 200_100
    with pytest.raises(PageRefused, match=r"it is no text \(image/png\)"):
        await reader.read(f"{at}/image")
    with pytest.raises(PageRefused, match="HTTP 404"):
        await reader.read(f"{at}/missing")
    began = time.monotonic()
    with pytest.raises(PageRefused, match="was not there after 1 s"):
        await PageReader(resolve=names, is_allowed=loopback, seconds=1.0).read(f"{at}/slow")
    assert time.monotonic() - began < 5


def test_the_main_part_is_enough_and_a_broken_page_is_read() -> None:
    words = "word " * 100
    assert page_text(f"<div>around</div><main>{words}</main><footer>below</footer>", "http://a/")[1] == words.strip()
    title, text = page_text("<title>a\nb</title><p>one<div>two</p></b></ul><a href='//b/c'>x<p>y", "http://a/")
    assert title == "a b"
    assert text.split() == ["one", "two", "x", "y"]
    assert page_text("<a href='javascript:x'>x</a><nav>n<p>m</nav>y<script>z", "http://a/")[1] == "xy"
    assert page_text("<svg><a>b</a></svg>" + "<b>" * 10_000 + "deep", "http://a/")[1] == "deep"
