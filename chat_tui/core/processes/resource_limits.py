"""Limits of a child process that reads what strangers have made."""

from __future__ import annotations


def limit_resources(memory_bytes: int, cpu_seconds: int) -> None:
    """Let this process have no more memory and CPU time than that; it has no such limits where there are none."""
    try:
        import resource
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, cpu_seconds)):
        hard = resource.getrlimit(what)[1]
        if hard == resource.RLIM_INFINITY or hard > most:
            resource.setrlimit(what, (most, hard))
