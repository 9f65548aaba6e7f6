"""The system's keyring, in a process of its own: it may ask the user, take its time, or bring its own event loop.

Run as `python -m chat_tui.providers.credentials.keyring_worker get|set|remove|probe NAME`. `get` writes the key to
stdout, `set` reads it from stdin, `probe` only finds out whether there is a keyring. Exit codes: 0 done, 1 not there,
3 no keyring (the reason on stderr).
"""

from __future__ import annotations

import sys

from chat_tui.providers.credentials.keys import SERVICE

NOT_THERE, NO_KEYRING = 1, 3


def main(arguments: list[str]) -> int:
    """Carry out one command; returns the exit code."""
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    what, name = arguments
    try:
        if what == "probe":
            return _probe(keyring.get_keyring())
        if what == "get":
            key = keyring.get_password(SERVICE, name)
            sys.stdout.write(key or "")
            return 0 if key else NOT_THERE
        if what == "set":
            keyring.set_password(SERVICE, name, sys.stdin.read().strip())
        else:
            keyring.delete_password(SERVICE, name)
    except PasswordDeleteError:
        return NOT_THERE
    except (KeyringError, OSError, RuntimeError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return NO_KEYRING
    return 0


def _probe(backend: object) -> int:
    """Return whether keys can be saved in this backend: the library's stand-ins for none have a priority of 0 or
    less."""
    if float(getattr(backend, "priority", 0)) > 0:
        return 0
    sys.stderr.write("this machine has none\n")
    return NO_KEYRING


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
