"""Which certificates a connection trusts: the system's, a file of the user's, or all."""

from __future__ import annotations

import ssl

from chat_tui.core import errors
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.reading import read_regular
from chat_tui.core.files.system_trust import system_trust
from chat_tui.core.models import Provider

_CERTIFICATES_BYTES = 10_000_000


def tls_verification(provider: Provider) -> ssl.SSLContext | bool:
    """Return what the provider's `verify` asks for; takes milliseconds, so call it in a thread. Raises `Rejected`."""
    if provider.verify is False:
        return False
    if provider.verify is not True:
        file = expand_home(provider.verify)
        try:
            return ssl.create_default_context(cadata=read_regular(file, _CERTIFICATES_BYTES).decode("ascii"))
        except (OSError, ValueError):
            raise errors.Rejected(
                f"The certificates for {provider.name} cannot be read.",
                f"`verify` names {file}: it must be a file in PEM format.",
                provider=provider.name,
            ) from None
    return system_trust()
