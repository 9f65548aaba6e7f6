"""A provider's address and key, as they are now."""

from __future__ import annotations

import os

import msgspec

from chat_tui.core import errors
from chat_tui.core.models import Provider
from chat_tui.core.text.addresses import base_url, cleaned_address
from chat_tui.core.text.api_keys import cleaned_key
from chat_tui.core.text.redaction import Redactor
from chat_tui.providers.credentials.config_credentials import credentials_of
from chat_tui.providers.dialects import dialect


class Endpoint(msgspec.Struct, frozen=True):
    """A provider with its key."""

    provider: Provider
    api_key: str = ""
    socket_path: str = ""
    """A Unix socket in place of the host, for local models."""

    def redactor(self) -> Redactor:
        """Return a redactor that removes the provider's credentials from texts."""
        return Redactor(credentials_of(self.provider, self.api_key))

    def __repr__(self) -> str:
        # Without the key.
        return f"Line({self.provider!r})"


def base_url_of(provider: Provider) -> str:
    """Return the address up to the dialect's paths, in whatever form it was pasted. Raises `Rejected`."""
    spoken = dialect(provider.dialect)
    try:
        return base_url(
            provider.base_url,
            dialect=spoken.name,
            root=spoken.root,
            endings=spoken.pasted,
            exact=provider.exact,
            is_for_sdk=bool(provider.address_source),
        )
    except ValueError:
        raise address_error(provider) from None


def url_of(provider: Provider, path: str) -> str:
    """Return the URL of one of the dialect's paths, with the query of the address (`api-version=…`)."""
    query = cleaned_address(provider.base_url).partition("?")[2]
    return base_url_of(provider) + path + (("&" if "?" in path else "?") + query if query else "")


def key_of(provider: Provider) -> str:
    """Return the provider's key from the environment. Raises `KeyMissing`, `KeyRefused`."""
    if not provider.api_key_env:
        return ""
    key = cleaned_key(os.environ.get(provider.api_key_env, ""))
    if not key:
        raise errors.KeyMissing(
            f"No API key for {provider.name}.",
            f"Set ${provider.api_key_env}, or choose another model with Ctrl+O or --model.",
            provider=provider.name,
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise errors.KeyRefused(
            f"The key for {provider.name} contains invalid characters.",
            f"Check ${provider.api_key_env}.",
            provider=provider.name,
        )
    return key


def address_error(provider: Provider, model: str = "") -> errors.Rejected:
    """Return the error for an invalid address."""
    return errors.Rejected(
        f"The address of {provider.name} is not valid.",
        f"Check {address_setting(provider)}.",
        provider=provider.name,
        model=model,
    )


def address_setting(provider: Provider) -> str:
    """Return the setting of the provider's address, as hints name it: the variable or `base_url`."""
    return f"${provider.address_source}" if provider.address_source else "`base_url`"
