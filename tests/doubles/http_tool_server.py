"""A tool server over streamable HTTP on loopback, with an authorization server beside it, both scripted."""

from __future__ import annotations

import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CODE = "the-code"


class HttpToolServer:
    """Answers on `url`; with `wants` only requests with that token, which the authorization server gives out."""

    def __init__(self, *, wants: str = "", header: tuple[str, str] | None = None) -> None:
        self.wants, self.header = wants, header
        self.refuses_user = False
        self.lifetime: int | None = 3600
        """Seconds that tokens are good for, as the authorization server tells."""
        self.registered: list[dict[str, Any]] = []
        self.tokens: list[dict[str, str]] = []
        """What the token endpoint was sent."""
        self.visited: list[str] = []
        """Addresses of sign-ins."""
        self.calls: list[str] = []
        """Methods of the requests that were let in."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/mcp"

    def __enter__(self) -> HttpToolServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def open_in_browser(self, address: str) -> None:
        """Go to the address of a sign-in, and wherever it leads, as a browser of a user who agrees does."""
        assert address.startswith(f"{self.origin}/authorization?")
        self.visited.append(address)
        threading.Thread(target=_visit, args=(address,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.get(self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.post(self, body)

            def do_DELETE(self) -> None:
                server.reply(self, 200, {})

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        return Handler

    def reply(self, to: BaseHTTPRequestHandler, status: int, body: object, **headers: str) -> None:
        content = json.dumps(body).encode()
        to.send_response(status)
        to.send_header("Content-Type", "application/json")
        to.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        to.end_headers()
        to.wfile.write(content)

    def get(self, to: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(to.path)
        if parts.path.startswith("/.well-known/oauth-protected-resource"):
            self.reply(to, 200, {"resource": self.url, "authorization_servers": [self.origin]})
        elif parts.path.startswith("/.well-known/oauth-authorization-server"):
            endpoints = {f"{name}_endpoint": f"{self.origin}/{name}" for name in ("authorization", "token")}
            known = {
                "issuer": self.origin,
                **endpoints,
                "registration_endpoint": f"{self.origin}/register",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            }
            self.reply(to, 200, known)
        elif parts.path == "/authorization":
            given = {name: values[0] for name, values in parse_qs(parts.query).items()}
            said = {"error": "access_denied"} if self.refuses_user else {"code": CODE}
            back = f"{given['redirect_uri']}?{urlencode({**said, 'state': given['state']})}"
            self.reply(to, 302, {}, Location=back)
        else:
            self.reply(to, 405, {})

    def post(self, to: BaseHTTPRequestHandler, body: bytes) -> None:
        path = urlsplit(to.path).path
        if path == "/register":
            client = {**json.loads(body), "client_id": f"client-{len(self.registered)}"}
            self.registered.append(client)
            self.reply(to, 201, client)
        elif path == "/token":
            given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            self.tokens.append(given)
            token = {"access_token": self.wants, "token_type": "Bearer", "refresh_token": "again"}
            self.reply(to, 200, token | ({"expires_in": self.lifetime} if self.lifetime else {}))
        elif self.wants and to.headers.get("Authorization") != f"Bearer {self.wants}":
            where = f"{self.origin}/.well-known/oauth-protected-resource/mcp"
            self.reply(to, 401, {}, WWW_Authenticate=f'Bearer resource_metadata="{where}"')
        elif self.header and to.headers.get(self.header[0]) != self.header[1]:
            self.reply(to, 403, {})
        else:
            self.answer(to, json.loads(body))

    def answer(self, to: BaseHTTPRequestHandler, message: dict[str, Any]) -> None:
        """Answer a message of the protocol."""
        method = message["method"]
        self.calls.append(method)
        if "id" not in message:
            self.reply(to, 202, {})
            return
        results: dict[str, Any] = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "far", "version": "1"},
            },
            "tools/list": {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]},
            "ping": {},
        }
        if method == "tools/call":
            text = json.dumps(message["params"].get("arguments"))
            results[method] = {"content": [{"type": "text", "text": text}]}
        answered = {"jsonrpc": "2.0", "id": message["id"]}
        if method in results:
            self.reply(to, 200, {**answered, "result": results[method]})
        else:
            self.reply(to, 200, {**answered, "error": {"code": -32601, "message": "Method not found"}})


def _visit(address: str) -> None:
    with urllib.request.urlopen(address) as page:
        page.read()
