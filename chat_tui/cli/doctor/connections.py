"""Checks how servers are reached: those on this machine, proxies, and which certificates are trusted."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.util import find_spec
from urllib.request import getproxies

import msgspec

from chat_tui.cli.doctor.finding import Finding
from chat_tui.config.known_providers import known_providers
from chat_tui.config.schema import Config
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.text.addresses import host_of
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.discovery.model_list import models_of
from chat_tui.providers.discovery.port_scan import scan
from chat_tui.providers.discovery.socket_owners import ServerOwner, listening_owner
from chat_tui.providers.registry import ProviderRegistry, at_its_port, port_candidates

_SERVERS, _NETWORK = "servers", "network"
"""Sections."""
_OTHER_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
"""Variables with certificates that other programs read."""


class ServerHere(msgspec.Struct, frozen=True):
    """A model server that listens on this machine."""

    name: str
    host: str
    models: int
    owner: ServerOwner
    wants_key: bool = False
    is_used: bool = False
    """Whether a strategy may choose its models."""


class ConnectionFacts(msgspec.Struct, frozen=True):
    """The servers found, and what leads to others."""

    servers: tuple[ServerHere, ...] = ()
    is_looked_for: bool = True
    """Whether the config lets servers be found."""
    proxies: Mapping[str, str] = {}
    """Addresses by scheme, which may hold passwords; `no` for the hosts that need none."""
    has_socks: bool = False
    """Whether SOCKS proxies can be used."""
    certificates: str = ""
    """What SSL_CERT_FILE or SSL_CERT_DIR names."""
    certificates_exist: bool = False
    truststore: str = ""
    """Its version; empty if it is not installed."""
    other_bundles: tuple[str, ...] = ()
    """Variables for other programs that are set."""
    own_certificates: Mapping[str, bool] = {}
    """Whether the file in `verify` can be read, by provider."""
    unverified: tuple[str, ...] = ()
    """Providers whose certificates are not checked."""


async def read_connections(config: Config, environ: Mapping[str, str] = os.environ) -> ConnectionFacts:
    """Look at the usual ports of this machine, and read the variables."""
    named = environ.get("SSL_CERT_FILE") or environ.get("SSL_CERT_DIR") or ""
    return ConnectionFacts(
        tuple([each async for each in _servers(config, environ)]),
        config.discovered != "ignore",
        getproxies(),
        find_spec("socksio") is not None,
        named,
        bool(named) and os.access(named, os.R_OK),
        _truststore_version(),
        tuple(name for name in _OTHER_BUNDLES if environ.get(name)),
        _own_certificates(config),
        tuple(row.name for row in config.providers if row.verify is False),
    )


async def _servers(config: Config, environ: Mapping[str, str]) -> AsyncIterator[ServerHere]:
    registry = ProviderRegistry(config, known_providers(), environ)
    rows = {row.name: row for row in registry.expected_servers()}
    for name, answer in (await scan(port_candidates(rows.values()))).items():
        found = at_its_port(rows[name], {}, answer.host)
        owner = listening_owner(answer.host.strip("[]"), rows[name].port)
        wants_key = answer.status in {401, 403}
        if wants_key or (answer.status == 200 and answer.listing):
            models = models_of(found, answer.listing)
            registry.add_found(rows[name], answer.host, owner)
            is_used = registry.usable(name) is not None
            yield ServerHere(name, host_of(found.base_url), len(models), owner, wants_key, is_used)


def _own_certificates(config: Config) -> dict[str, bool]:
    rows = {row.name: row.verify for row in config.providers}
    return {name: os.access(expand_home(file), os.R_OK) for name, file in rows.items() if isinstance(file, str)}


def _truststore_version() -> str:
    from importlib import metadata

    try:
        return metadata.version("truststore")
    except metadata.PackageNotFoundError:
        return ""


def check_connections(facts: ConnectionFacts) -> Iterator[Finding]:
    """Yield the findings about servers, proxies and certificates."""
    yield from map(_server, facts.servers)
    if not facts.is_looked_for:
        yield Finding(_SERVERS, "none", "ok", 'not looked for: the config has `discovered = "ignore"`')
    elif not facts.servers:
        yield Finding(_SERVERS, "none", "ok", "no other model server listens on its usual port on this machine")
    yield from _proxies(facts)
    yield from _certificates(facts)


def _server(server: ServerHere) -> Finding:
    account = shorten(server.owner.name, 40) or "an unknown account"
    where = f"{server.host}, run by {account}"
    if server.wants_key:
        hint = f"`chat-tui auth add {server.name}` saves its key."
        return Finding(_SERVERS, server.name, "note", f"{where}; wants a key", hint)
    if not server.models:
        return Finding(_SERVERS, server.name, "note", f"{where}; lists no models", "Load a model there.")
    text = f"{where}; {count_of(server.models, 'model')}"
    if server.is_used:
        return Finding(_SERVERS, server.name, "ok", text)
    hint = "Choose one of its models by name (Ctrl+O, or --model) to use it."
    return Finding(_SERVERS, server.name, "note", f"{text}; not used by itself", hint)


def _proxies(facts: ConnectionFacts) -> Iterator[Finding]:
    if not facts.proxies:
        yield Finding(_NETWORK, "proxy", "ok", "none in the environment")
    for scheme, address in facts.proxies.items():
        if scheme == "no":
            yield Finding(_NETWORK, "no proxy", "ok", f"not for {shorten(address, 200)}")
            continue
        text = f"{shorten(scheme, 20)} through {shorten(host_of(address), 100) or 'an address that is not valid'}"
        if address.lower().startswith("socks") and not facts.has_socks:
            hint = "Install the package `socksio`, or use a proxy with http."
            yield Finding(_NETWORK, "proxy", "problem", f"{text}: SOCKS cannot be used", hint)
        else:
            yield Finding(_NETWORK, "proxy", "ok", text)


def _certificates(facts: ConnectionFacts) -> Iterator[Finding]:
    if facts.certificates and not facts.certificates_exist:
        text = f"{shorten(facts.certificates, 200)}, which SSL_CERT_FILE or SSL_CERT_DIR names, cannot be read"
        yield Finding(_NETWORK, "certificates", "problem", text, "Correct the variable, or unset it.")
    elif facts.certificates:
        yield Finding(_NETWORK, "certificates", "ok", f"those in {shorten(facts.certificates, 200)}")
    elif facts.truststore:
        yield Finding(_NETWORK, "certificates", "ok", f"those of the system (truststore {facts.truststore})")
    else:
        hint = "Install the package `truststore`, or set SSL_CERT_FILE."
        yield Finding(_NETWORK, "certificates", "problem", "truststore is not installed", hint)
    if facts.other_bundles and not facts.certificates:
        text = f"{', '.join(facts.other_bundles)} is set, which chat-tui does not read"
        hint = "Set SSL_CERT_FILE to the same file if a proxy has certificates of its own."
        yield Finding(_NETWORK, "other bundle", "note", text, hint)
    for name, can_read in facts.own_certificates.items():
        if can_read:
            yield Finding(_NETWORK, name, "ok", "certificates of its own (`verify`)")
        else:
            hint = "`verify` must name a file in PEM format."
            yield Finding(_NETWORK, name, "problem", "the certificates in `verify` cannot be read", hint)
    for name in facts.unverified:
        hint = "Set `verify` to a file with its certificate instead."
        yield Finding(_NETWORK, name, "note", "its certificate is not checked (`verify = false`)", hint)
