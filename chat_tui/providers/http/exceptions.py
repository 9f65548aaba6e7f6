"""Maps the exceptions of httpx to our errors."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import httpx

from chat_tui.core import errors
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.endpoint import Endpoint, address_error, address_setting
from chat_tui.providers.http.proxies import describe_proxy, proxy_of

BROKEN = (httpx.TransportError, httpx.DecodingError, httpx.StreamError, OSError)
"""What is raised when an open connection is lost."""
STALE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError, httpx.CloseError)
"""What is raised for a connection that the server has closed meanwhile."""


class MappedErrors:
    """A context that maps the exceptions of httpx to our errors, names provider and model, and removes credentials."""

    def __init__(self, line: Endpoint, model: str) -> None:
        self._line, self._model = line, model
        self._about = {"provider": line.provider.name, "model": model}

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, errors.ProviderError):
            error.provider = error.provider or self._about["provider"]
            error.model = error.model or self._about["model"]
            if self._line.provider.address_source:
                # Parsers do not know where the address comes from.
                error.hint = error.hint.replace("`base_url`", address_setting(self._line.provider))
            redactor = self._line.redactor()
            error.title, error.hint = redactor.redact(error.title), redactor.redact(error.hint)
            error.args = (error.title,)
        elif isinstance(error, (*BROKEN, httpx.HTTPError, httpx.InvalidURL, UnicodeError, ExceptionGroup)):
            # Without the cause: its text may hold an address with a password, or a header.
            raise self._ours(error) from None

    def _ours(self, error: Exception) -> errors.ProviderError:
        made = self._meaning(error)
        if isinstance(made, errors.Unreachable):
            made.unconnected = isinstance(error, (httpx.ConnectError, httpx.ProxyError))
        return made

    def _meaning(self, error: Exception) -> errors.ProviderError:
        provider, about, setting = self._about["provider"], self._about, address_setting(self._line.provider)
        causes = _causes(error)
        if (at_proxy := self._at_proxy(error, causes)) is not None:
            return at_proxy
        if isinstance(error, httpx.ConnectTimeout):
            return errors.TooSlow(
                f"{provider} could not be reached in time.", f"Check that it is running, and check {setting}.", **about
            )
        if any(isinstance(cause, (UnicodeError, httpx.InvalidURL, httpx.UnsupportedProtocol)) for cause in causes):
            return address_error(self._line.provider, self._about["model"])
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return errors.Unreachable(
                f"The certificate of {provider} is not trusted.",
                f"Check {setting}. If the certificate is your own, add it to the system or name it with `verify`.",
                **about,
            )
        if any(isinstance(cause, ssl.SSLError) for cause in causes) and isinstance(error, httpx.ConnectError):
            return errors.Unreachable(
                f"{provider} does not answer with TLS.",
                f"Check {setting}: a server without TLS needs http:// in place of https://.",
                **about,
            )
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return errors.Unreachable(
                f"The host of {provider} was not found.", f"Check {setting} and the network.", **about
            )
        if isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
            return errors.Unreachable(
                f"{provider} could not be reached.",
                f"Check that it is running, and check {setting} and the network.",
                **about,
            )
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            return errors.TooSlow(f"{provider} took too long.", "Ask again in a moment.", **about)
        if isinstance(error, httpx.DecodingError):
            return errors.Garbled(f"{provider} sent data that cannot be decompressed.", "Ask again.", **about)
        if isinstance(error, httpx.LocalProtocolError):
            return errors.Rejected(
                f"The request to {provider} could not be sent.", f"Check {setting} and the key.", **about
            )
        return errors.Unreachable(f"Connection to {provider} lost.", "Ask again.", **about)

    def _at_proxy(self, error: Exception, causes: list[BaseException]) -> errors.ProviderError | None:
        """The error where it is the proxy that fails, and not the provider behind it."""
        connecting = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError))
        if not connecting or any(isinstance(cause, ssl.SSLError) for cause in causes):
            return None
        proxy = proxy_of(self._line)
        if not proxy:
            return None
        named, hint = describe_proxy(self._line.provider, proxy)
        if isinstance(error, httpx.ProxyError):
            said = shorten(self._line.redactor().redact(clean_line(str(error), 1000)), 100)
            return errors.Unreachable(
                f"{named} cannot connect to {self._line.provider.name}: {said}.", hint, **self._about
            )
        if isinstance(error, httpx.ConnectTimeout):
            return errors.TooSlow(f"{named} could not be reached in time.", hint, **self._about)
        return errors.Unreachable(f"{named} could not be reached.", hint, **self._about)


def _causes(error: BaseException | None) -> list[BaseException]:
    """The error and what it came from."""
    causes: list[BaseException] = []
    while error is not None and len(causes) < 10:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes
