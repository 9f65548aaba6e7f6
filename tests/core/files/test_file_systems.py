"""Whether a path is on a network file system."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.files.file_systems import existing_parent, free_bytes, network_file_system

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/me/local\\040disk xfs rw 0 0
me@box: /mnt/box fuse.sshfs rw 0 0
broken
"""


def test_the_nearest_mount_counts() -> None:
    assert network_file_system(Path("/home/me/.local/share"), MOUNTS) == "nfs4"
    assert network_file_system(Path("/home/me/local disk/x"), MOUNTS) == ""
    assert network_file_system(Path("/homes"), MOUNTS) == ""
    assert network_file_system(Path("/mnt/box"), MOUNTS) == "fuse.sshfs"
    assert network_file_system(Path("/home"), "") == ""


def test_room_is_that_of_the_folder_that_exists(tmp_path: Path) -> None:
    assert existing_parent(tmp_path / "a" / "b") == tmp_path
    assert free_bytes(tmp_path / "a" / "b") > 0
