"""Signing in to a server over HTTP by OAuth: the tokens in a private file, and where the browser returns to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import anyio
import msgspec
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.auth.oauth2 import OAuthContext
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
)
from pydantic import AnyUrl, ValidationError

from chat_tui.core.files.state_files import StateFile
from chat_tui.core.text.control_characters import clean_line
from chat_tui.tools.messages import ServerLaunch

_FILE_BYTES = 1_000_000
_REQUEST_BYTES = 16_000
_PATH = "/callback"
_CLIENT_NAME = "chat-tui"
_PAGE = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n"
    "<!doctype html><title>chat-tui</title><p>{text}</p>"
)
_NO_PAGE = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class SignInNeeded(OAuthFlowError):
    """The server wants the user to sign in, who cannot be asked now."""


class StoredTokens(msgspec.Struct, frozen=True):
    """What is kept of a sign-in."""

    url: str
    """Address of the server that the tokens are for; they are sent to no other."""
    tokens: str = ""
    client: str = ""
    """This program as it is registered with the authorization server."""
    server: str = ""
    """What the authorization server says about itself. All three are the SDK's JSON."""
    expires_at: float = 0.0
    """When the tokens must be refreshed, in seconds since 1970; 0 if unknown."""


class TokenFile:
    """The SDK's store of tokens, in a private file; of a server at another address it has none."""

    def __init__(self, file: Path, url: str, *, redirect: str = "") -> None:
        """A registration for another address to return to than `redirect` is not used; empty: any."""
        self._file = StateFile(file, StoredTokens, _FILE_BYTES, "Sign in again.")
        self._url, self._redirect = url, redirect
        self._context: OAuthContext | None = None

    async def resume(self, context: OAuthContext) -> None:
        """Tell the SDK what it forgets at the end of a process: when the tokens end, and who refreshes them."""
        self._context = context
        stored = await self.read()
        if stored.server:
            with suppress(ValidationError):
                context.oauth_metadata = OAuthMetadata.model_validate_json(stored.server)
        if stored.tokens:
            # Tokens of unknown age are refreshed if they can be.
            context.token_expiry_time = stored.expires_at or 1.0

    async def get_tokens(self) -> OAuthToken | None:
        """Return the tokens of the last sign-in."""
        stored = (await self.read()).tokens
        try:
            return OAuthToken.model_validate_json(stored) if stored else None
        except ValidationError:
            return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep new tokens. Raises OSError."""
        known = self._context.oauth_metadata if self._context is not None else None
        kept = msgspec.structs.replace(
            await self.read(),
            tokens=tokens.model_dump_json(exclude_none=True),
            server=known.model_dump_json(exclude_none=True) if known is not None else "",
            expires_at=time.time() + tokens.expires_in if tokens.expires_in else 0.0,
        )
        await self._write(kept)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return this program's registration."""
        stored = (await self.read()).client
        try:
            client = OAuthClientInformationFull.model_validate_json(stored) if stored else None
        except ValidationError:
            return None
        if client is not None and self._redirect:
            known = [str(each) for each in client.redirect_uris or ()]
            return client if self._redirect in known else None
        return client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a new registration. Raises OSError."""
        kept = msgspec.structs.replace(await self.read(), client=client_info.model_dump_json(exclude_none=True))
        await self._write(kept)

    async def read(self) -> StoredTokens:
        """Return what is kept for this address."""
        stored = await asyncio.to_thread(self._file.read)
        return stored if stored is not None and stored.url == self._url else StoredTokens(self._url)

    async def _write(self, stored: StoredTokens) -> None:
        await asyncio.to_thread(self._file.write, stored)


class BrowserReturn:
    """A server on loopback to which the browser returns with the code."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._result: asyncio.Future[AuthorizationCodeResult] = asyncio.get_running_loop().create_future()

    async def open(self) -> str:
        """Begin to listen; returns the address to return to. Raises OSError."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{_PATH}"

    async def wait(self) -> AuthorizationCodeResult:
        """Wait for the browser. Raises `OAuthFlowError` if the user has refused."""
        return await asyncio.shield(self._result)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with anyio.move_on_after(10):
                head = await reader.readuntil(b"\r\n")
                page = self._take(head.decode("latin-1").split(" ")[1][:_REQUEST_BYTES])
                writer.write(page.encode())
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError):
            pass
        finally:
            writer.close()

    def _take(self, target: str) -> str:
        """Take what the browser brings; returns the reply."""
        parts = urlsplit(target)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path != _PATH or not given.keys() & {"code", "error"}:
            return _NO_PAGE
        if self._result.done():
            return _PAGE.format(text="This sign-in is over.")
        if "code" in given:
            result = AuthorizationCodeResult(code=given["code"], state=given.get("state"), iss=given.get("iss"))
            self._result.set_result(result)
            return _PAGE.format(text="You are signed in. Go back to chat-tui; this page can be closed.")
        reason = clean_line(given.get("error_description") or given["error"])
        self._result.set_exception(OAuthFlowError(f"the sign-in was refused: {reason}"))
        return _PAGE.format(text="The sign-in was refused. This page can be closed.")


class SignIn:
    """The authorization of a server; asks the user only where that is possible."""

    def __init__(self, launch: ServerLaunch, show_address: Callable[[str], Awaitable[None]]) -> None:
        self._launch, self._show_address = launch, show_address
        self._returning: BrowserReturn | None = None

    async def provider(self) -> OAuthClientProvider | None:
        """Return what authorizes the requests; None if the user has not signed in, and cannot be asked now.

        Raises OSError.
        """
        redirect = ""
        if self._launch.may_sign_in:
            self._returning = BrowserReturn()
            redirect = await self._returning.open()
        tokens = TokenFile(Path(self._launch.token_file), self._launch.url, redirect=redirect)
        if self._returning is None and not (await tokens.read()).tokens:
            return None
        provider = OAuthClientProvider(
            self._launch.url,
            OAuthClientMetadata(
                client_name=_CLIENT_NAME, redirect_uris=[AnyUrl(redirect or f"http://127.0.0.1{_PATH}")]
            ),
            tokens,
            redirect_handler=self._ask,
            callback_handler=self._wait,
        )
        await tokens.resume(provider.context)
        return provider

    def close(self) -> None:
        """Stop waiting for the browser."""
        if self._returning is not None:
            self._returning.close()

    async def _ask(self, address: str) -> None:
        if self._returning is None:
            raise SignInNeeded("the user must sign in")
        await self._show_address(address)

    async def _wait(self) -> AuthorizationCodeResult:
        assert self._returning is not None
        return await self._returning.wait()
