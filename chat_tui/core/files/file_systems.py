"""Tells whether a path is on a network file system, and how much room there is."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from chat_tui.core.files.reading import read_regular

_MOUNTS = Path("/proc/self/mounts")
_MOUNTS_BYTES = 4_000_000
_NETWORK = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs"),
        *("fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"),
    )
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def read_mounts() -> str:
    """Return what is mounted, as Linux lists it (fstab(5)); empty on other systems."""
    try:
        return read_regular(_MOUNTS, _MOUNTS_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def network_file_system(path: Path, mounts: str) -> str:
    """Return the type of the network file system that a path is on; empty if it is on none, or that is not known."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        folder = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[1])
        # Of two mounts at one folder, the later one counts.
        if len(folder) >= len(best) and path.is_relative_to(folder):
            best, kind = folder, fields[2]
    return kind if kind in _NETWORK else ""


def existing_parent(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    return next((each for each in (path, *path.parents) if os.path.lexists(each)), Path(os.sep))


def free_bytes(path: Path) -> int:
    """Return how much room there is where the path is, or will be. Raises `OSError`."""
    return shutil.disk_usage(existing_parent(path)).free
