"""The child process that fetches one page from the address that it is given, and makes text of it.

Run as `python -m chat_tui.tools.builtin.page_worker`, with a `PageRequest` as JSON on stdin; writes `PageReply` to
stdout. It connects to the given IP address only, follows no redirect, and sends no credentials.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import sys
import zlib
from urllib.parse import unquote, urlsplit

import msgspec

from chat_tui.core.attachments.attachment import IMAGE_LIMIT, PDF_LIMIT, TEXT_LIMIT, media_type_of
from chat_tui.core.attachments.pdf import PAGES
from chat_tui.core.attachments.pdf_worker import extract_text
from chat_tui.core.files.system_trust import system_trust
from chat_tui.core.processes.resource_limits import limit_resources
from chat_tui.tools.builtin.page_date import page_date
from chat_tui.tools.builtin.page_messages import PageReply, PageRequest
from chat_tui.tools.builtin.page_text import page_text

MEMORY_BYTES, CPU_SECONDS = 1_500_000_000, 30
MOST_BYTES = 5_000_000
"""What is read of a page."""
_READ_BYTES = 64 * 1024
_HTML = ("text/html", "application/xhtml+xml")
_TEXTS = ("application/json", "application/xml", "application/javascript", "application/x-yaml", "application/toml")
_PDF_PROBLEMS = {"locked": "it is a PDF that is protected by a password", "damaged": "it is a damaged PDF"}
_REDIRECTS = (301, 302, 303, 307, 308)


def fetch(request: PageRequest) -> PageReply:
    """Fetch the page. Raises OSError and `http.client.HTTPException`."""
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    sock: socket.socket = socket.create_connection((request.ip, request.port), request.seconds)
    with sock:
        if parts.scheme == "https":
            sock = system_trust().wrap_socket(sock, server_hostname=host)
        connection = http.client.HTTPConnection(host, request.port, timeout=request.seconds)
        # A connection that is open is not opened again, so that no name is looked up here.
        connection.sock = sock
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Host": parts.netloc,
            "User-Agent": request.agent,
            "Accept": "text/html, text/plain;q=0.9, */*;q=0.5",
            "Accept-Encoding": "gzip, identity",
            "Connection": "close",
        }
        connection.request("GET", target, headers=headers)
        return _reply(connection.getresponse(), request)


def _reply(response: http.client.HTTPResponse, request: PageRequest) -> PageReply:
    if response.status in _REDIRECTS and (location := response.headers.get("Location")):
        return PageReply(response.status, location)
    kind = response.headers.get_content_type()
    is_file = request.takes_files and response.status < 400 and (kind == "application/pdf" or kind.startswith("image/"))
    content, is_cut = _content(response, PDF_LIMIT if is_file else MOST_BYTES)
    if is_file and (reply := _file(content, is_cut, kind, request.url)):
        return reply
    reply = _page(response, content, is_cut, request.url)
    return msgspec.structs.replace(reply, size_bytes=len(content))


def _file(content: bytes, is_cut: bool, kind: str, url: str) -> PageReply | None:
    """Return an image, or the text of a PDF; None for what is neither."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    if content.startswith(b"%PDF-"):
        if is_cut:
            return PageReply(problem=f"it is a PDF of more than {PDF_LIMIT // 1_000_000} MB")
        found = extract_text(content, PAGES, TEXT_LIMIT)
        if found.fault or not found.text:
            return PageReply(problem=_PDF_PROBLEMS.get(found.fault, "it is a PDF without text: its pages are images"))
        text = found.text.encode("utf-8", "replace").decode()
        if found.taken < found.pages:
            text = f"[The first {found.taken:,} of {found.pages:,} pages]\n\n{text}"
        return PageReply(200, title=name, text=text, size_bytes=len(content))
    if not media_type_of(content[:16]):
        return None
    if len(content) > IMAGE_LIMIT:
        return PageReply(problem=f"it is an image of more than {IMAGE_LIMIT // 1_000_000} MB")
    return PageReply(200, title=name, content=content, size_bytes=len(content))


def _page(response: http.client.HTTPResponse, content: bytes, is_cut: bool, url: str) -> PageReply:
    kind = response.headers.get_content_type()
    if kind.startswith(("image/", "audio/", "video/", "font/")) or b"\0" in content[:2000]:
        return PageReply(response.status, problem=f"it is no text ({kind})")
    text = _decoded(content, response.headers.get_content_charset())
    if kind in _HTML or (kind == "text/plain" and text.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))):
        html = text
        title, text = page_text(html, url)
        date = page_date(html, response.headers.get("Last-Modified", ""))
        has_scripts = "<script" in html.lower()
        return PageReply(response.status, title=title, text=text, is_cut=is_cut, date=date, has_scripts=has_scripts)
    if kind.startswith("text/") or kind in _TEXTS or kind.endswith(("+json", "+xml")):
        date = page_date("", response.headers.get("Last-Modified", ""))
        return PageReply(response.status, text=text, is_cut=is_cut, date=date)
    return PageReply(response.status, problem=f"it is no text ({kind})")


def _content(response: http.client.HTTPResponse, most_bytes: int) -> tuple[bytes, bool]:
    """Return the beginning of the body, decompressed, and whether there is more."""
    decoder = zlib.decompressobj(31) if response.headers.get("Content-Encoding", "").lower() == "gzip" else None
    content = bytearray()
    while len(content) <= most_bytes and (piece := response.read(_READ_BYTES)):
        if decoder is not None:
            piece = decoder.decompress(piece, most_bytes + 1)
        content += piece
    return bytes(content[:most_bytes]), len(content) > most_bytes


def _decoded(content: bytes, charset: str | None) -> str:
    for name in (charset or "utf-8", "utf-8"):
        try:
            return content.decode(name, "replace")
        except (LookupError, UnicodeError):
            continue
    return content.decode("latin-1")


def main() -> int:
    """Read the request, fetch the page, and write the reply."""
    limit_resources(MEMORY_BYTES, CPU_SECONDS)
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=PageRequest)
    try:
        reply = fetch(request)
    except TimeoutError:
        reply = PageReply(problem="it did not answer in time")
    except ssl.SSLCertVerificationError as error:
        reply = PageReply(problem=f"its certificate is not trusted ({error.verify_message})")
    except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        reply = PageReply(problem=f"it cannot be reached ({reason})")
    sys.stdout.buffer.write(msgspec.json.encode(reply))
    return 0


if __name__ == "__main__":
    sys.exit(main())
