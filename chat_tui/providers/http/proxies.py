"""Which proxy leads to a provider: what its row says, else what the environment does."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from chat_tui.core import errors
from chat_tui.core.models import Provider
from chat_tui.core.text.addresses import is_loopback
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.endpoint import Endpoint, base_url_of


def proxy_of(line: Endpoint) -> str:
    """The proxy's address, which may hold a password; empty: the way is straight. Raises `Rejected`."""
    configured = line.provider.proxy.strip()
    if line.socket_path or configured.lower() == "none":
        return ""
    base = base_url_of(line.provider)
    # No proxy that the environment names can reach this machine's own loopback for us.
    if configured or is_loopback(base):
        return _with_scheme(configured)
    named, target = getproxies(), urlsplit(base)
    proxy = named.get(target.scheme) or named.get("all") or ""
    if not proxy or proxy_bypass(target.netloc.rpartition("@")[2]):
        return ""
    return _with_scheme(proxy)


def _with_scheme(proxy: str) -> str:
    scheme, mark, rest = proxy.strip().partition("://")
    if mark:
        return f"{scheme.lower()}://{rest}"
    return f"http://{scheme}" if scheme else ""


def describe_proxy(provider: Provider, proxy: str) -> tuple[str, str]:
    """Return a description of the proxy without its password, and a hint for when it fails."""
    place = shorten(urlsplit(proxy).netloc.rpartition("@")[2], 100)
    if provider.proxy:
        return f"The proxy {place} of {provider.name}", "Check that it is running, and check `proxy` in the config."
    told = "Check that it is running. Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; NO_PROXY names hosts that need none."
    return f"The proxy {place}, which the environment names,", told


def proxy_error(provider: Provider) -> errors.Rejected:
    """Return the error for a proxy that cannot be used, without its address, which may contain a password."""
    if provider.proxy:
        return errors.Rejected(
            f"The proxy of {provider.name} cannot be used.",
            "Check `proxy` in the config (http:// and https:// work; SOCKS needs `socksio`).",
            provider=provider.name,
        )
    return errors.Rejected(
        "The proxy that the environment names cannot be used.",
        "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY (http:// and https:// work; SOCKS needs `socksio`).",
        provider=provider.name,
    )
