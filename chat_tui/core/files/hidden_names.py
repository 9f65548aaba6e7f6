"""Names of files that are not read unless a person names them: hidden ones, and those that usually hold keys."""

from __future__ import annotations

import fnmatch

_CREDENTIALS = (
    *("id_*", "*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.ppk", "*.jks", "*.keystore", "*.kdbx", "*.kdb"),
    *("credentials*", "*.credentials", "secrets.*", "secret.*", "_netrc", "*.env", "*.gpg", "*.agekey", "htpasswd*"),
    *("*service-account*.json", "*service_account*.json", "*.tfstate", "*.ovpn"),
)
"""Names of files that usually hold keys, in lower case; those that begin with a dot are not read anyway."""


def is_hidden(name: str) -> bool:
    """Return whether a file with this name is left out where files are not named one by one."""
    lower = name.lower()
    return lower.startswith(".") or any(fnmatch.fnmatchcase(lower, pattern) for pattern in _CREDENTIALS)
