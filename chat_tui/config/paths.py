"""Where things are kept, by platformdirs, so that `XDG_*` moves them. Nothing is created here."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

NAME = "chat-tui"


def config_file() -> Path:
    """The config file: the one that `CHAT_TUI_CONFIG` names, else `config.toml` in the user's config folder."""
    named = os.environ.get("CHAT_TUI_CONFIG")
    return Path(named).expanduser() if named else config_folder() / "config.toml"


def named(text: str) -> Path | None:
    """A path as the user wrote it, `~` for the home; None for no text."""
    return Path(text).expanduser() if text else None


def config_folder() -> Path:
    """The user's config folder (`themes/` below it holds the user's own themes)."""
    return Path(platformdirs.user_config_dir(NAME, appauthor=False))


def data_folder() -> Path:
    """Holds the store."""
    return Path(platformdirs.user_data_dir(NAME, appauthor=False))


def cache_folder() -> Path:
    """Holds the built-in model's weights and what else can be fetched again."""
    return Path(platformdirs.user_cache_dir(NAME, appauthor=False))


def state_folder() -> Path:
    """Holds crash reports, the debug log, and how the screen was left."""
    return Path(platformdirs.user_state_dir(NAME, appauthor=False))


def screen_file() -> Path:
    """How the screen was left: the theme, the panels."""
    return state_folder() / "screen.json"


def log_file() -> Path:
    """What `chat-tui --debug` writes."""
    return state_folder() / "debug.log"


def found_servers_file() -> Path:
    """Which servers, found on this machine, were told when they were first used."""
    return state_folder() / "found-servers.json"


def store_file() -> Path:
    """The store of conversations."""
    return data_folder() / "history.db"


def kept_keys_file() -> Path:
    """The names of the providers whose keys are in the system's keyring."""
    return data_folder() / "keys.json"


def library_file() -> Path:
    """The list of the user's own local models."""
    return data_folder() / "models.json"


def pulled_folder() -> Path:
    """Holds the models that were pulled."""
    return data_folder() / "models"


def catalogue_file() -> Path:
    """The snapshot of prices and windows."""
    return cache_folder() / "prices.json"
