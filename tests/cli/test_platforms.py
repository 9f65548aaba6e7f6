"""Where chat-tui does not run: it says so in one sentence, whatever was asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT_POSIX = """
import sys

MISSING = {"fcntl", "termios", "resource", "pwd", "grp", "tty", "pty", "syslog", "readline"}


class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
sys.platform = "win32"
"""
"""A Python as it is on Windows, as far as the modules that are not there go."""
AS_SCRIPT = "from chat_tui.cli.main import main; sys.exit(main())"
AS_MODULE = "import runpy; runpy.run_module('chat_tui', run_name='__main__')"


@pytest.mark.parametrize("entry", [AS_SCRIPT, AS_MODULE])
@pytest.mark.parametrize(
    "arguments", [[], ["ask", "Hello"], ["serve"], ["history", "list"], ["models", "list"], ["no such command"]]
)
def test_on_windows_every_command_says_in_one_sentence_what_to_do(entry: str, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX + entry, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "chat-tui: Windows is not supported yet. Run chat-tui inside WSL (`wsl --install` sets it up)."
    ]


def test_other_platforms_are_not_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from chat_tui.cli.main import main

    for platform in ("linux", "darwin", "freebsd14"):
        with pytest.raises(SystemExit) as ended:
            main(["--version"], platform=platform)
        assert ended.value.code == 0
    assert "Windows" not in capsys.readouterr().err
