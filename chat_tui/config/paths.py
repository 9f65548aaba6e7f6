"""Paths of the program's files, from platformdirs, so that `XDG_*` variables apply. Nothing is created here."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from chat_tui.core.files.home_folder import expand_home

NAME = "chat-tui"


def config_file() -> Path:
    """The file that `CHAT_TUI_CONFIG` names, or `config.toml` in the user's config folder."""
    named = os.environ.get("CHAT_TUI_CONFIG")
    return expand_home(named) if named else config_folder() / "config.toml"


def expand(text: str) -> Path | None:
    """Convert a path that the user has written; `~` is the home folder. None for an empty text."""
    return expand_home(text) if text else None


def config_folder() -> Path:
    """The user's config folder; its `themes/` contains the user's own themes."""
    return Path(platformdirs.user_config_dir(NAME, appauthor=False))


def memory_file() -> Path:
    """What the user has asked to remember."""
    return config_folder() / "memory.md"


def data_folder() -> Path:
    """Folder of the store."""
    return Path(platformdirs.user_data_dir(NAME, appauthor=False))


def cache_folder() -> Path:
    """Folder of the built-in model's weights and of other files that can be downloaded again."""
    return Path(platformdirs.user_cache_dir(NAME, appauthor=False))


def state_folder() -> Path:
    """Folder of crash reports, the debug log and the state of the screen."""
    return Path(platformdirs.user_state_dir(NAME, appauthor=False))


def screen_file() -> Path:
    """State of the screen: theme and panels."""
    return state_folder() / "screen.json"


def log_file() -> Path:
    """Debug log of `chat-tui --debug`."""
    return state_folder() / "debug.log"


def found_servers_file() -> Path:
    """Servers whose first use was announced."""
    return state_folder() / "found-servers.json"


def sign_ins_file() -> Path:
    """Browsers that are signed in to the web page, as hashes."""
    return state_folder() / "sign-ins.json"


def uploads_folder() -> Path:
    """Files that the web page has uploaded and not sent yet."""
    return state_folder() / "uploads"


def folder_memory_file() -> Path:
    """Which folders' notes the user has allowed."""
    return state_folder() / "folder-memory.json"


def store_file() -> Path:
    """Store of conversations."""
    return data_folder() / "history.db"


def kept_keys_file() -> Path:
    """Names of providers whose keys are in the system's keyring."""
    return data_folder() / "keys.json"


def key_file() -> Path:
    """Keys that the user keeps in a private file instead of the keyring."""
    return data_folder() / "credentials.json"


def tool_token_file(name: str) -> Path:
    """Tokens of a tool server that the user has signed in to."""
    return data_folder() / "tool-tokens" / f"{name}.json"


def library_file() -> Path:
    """List of the user's own local models."""
    return data_folder() / "models.json"


def pulled_folder() -> Path:
    """Folder of downloaded models."""
    return data_folder() / "models"


def catalogue_file() -> Path:
    """Snapshot of prices and context windows."""
    return cache_folder() / "prices.json"
