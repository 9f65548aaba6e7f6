"""The file that a code block is written into."""

from __future__ import annotations

import os
from pathlib import Path

from chat_tui.core.errors import CommandError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.markdown.code_blocks import CodeBlock
from chat_tui.markdown.inline.data_images import decode_image, describe_image

_SUFFIXES = {
    "bash": ".sh",
    "c": ".c",
    "c++": ".cpp",
    "console": ".txt",
    "cpp": ".cpp",
    "cs": ".cs",
    "csharp": ".cs",
    "css": ".css",
    "csv": ".csv",
    "diff": ".diff",
    "elixir": ".ex",
    "go": ".go",
    "golang": ".go",
    "haskell": ".hs",
    "html": ".html",
    "ini": ".ini",
    "java": ".java",
    "javascript": ".js",
    "js": ".js",
    "json": ".json",
    "jsx": ".jsx",
    "kotlin": ".kt",
    "latex": ".tex",
    "lua": ".lua",
    "markdown": ".md",
    "md": ".md",
    "nix": ".nix",
    "patch": ".diff",
    "perl": ".pl",
    "php": ".php",
    "powershell": ".ps1",
    "py": ".py",
    "python": ".py",
    "python3": ".py",
    "r": ".r",
    "rb": ".rb",
    "ruby": ".rb",
    "rs": ".rs",
    "rust": ".rs",
    "scala": ".scala",
    "sh": ".sh",
    "shell": ".sh",
    "sql": ".sql",
    "svg": ".svg",
    "swift": ".swift",
    "tex": ".tex",
    "toml": ".toml",
    "ts": ".ts",
    "tsx": ".tsx",
    "typescript": ".ts",
    "xml": ".xml",
    "yaml": ".yaml",
    "yml": ".yaml",
    "zig": ".zig",
    "zsh": ".sh",
}
_WHOLE_NAMES = {"dockerfile": "Dockerfile", "makefile": "Makefile", "make": "Makefile", "cmake": "CMakeLists.txt"}


def suggested_name(code: CodeBlock, number: int) -> str:
    """A name for a code block by its language, such as `code-2.py`, or for an image. Nothing of the language itself
    comes into it."""
    language = code.language
    if image := describe_image(code.text):
        return f"image-{number}.{image.suffix}"
    known = language.casefold()
    return _WHOLE_NAMES.get(known) or f"code-{number}{_SUFFIXES.get(known, '.txt')}"


def content_of(code: CodeBlock) -> str | bytes:
    """What a file with the code or image holds. Raises `CommandError` where an image's data is damaged."""
    if describe_image(code.text):
        try:
            return decode_image(code.text)
        except ValueError:
            raise CommandError("The data of this image is damaged.", "Ask the model for it again.") from None
    text = code.text
    return text if text.endswith("\n") else f"{text}\n"


def parse_argument(argument: str, count: int) -> tuple[int, str]:
    """The block's number and the file that `/save` names; the number may be left out where there is one block.

    Raises `CommandError`.
    """
    first, _, rest = argument.strip().partition(" ")
    if not first.isdecimal():
        if count != 1:
            raise CommandError(
                "Which code block?", f"There are {count}, numbered above each block. For example: /save 2"
            )
        first, rest = "1", argument
    number = int(first[:9])
    if not 1 <= number <= count:
        there = {0: "This answer has none.", 1: "There is one."}.get(count, f"There are {count}.")
        raise CommandError(f"Code block {number} does not exist.", there)
    return number, rest.strip()


def path_of(named: str, suggested: str) -> Path:
    """Return the file to write: a file or folder as the user names it, else the suggested name in the current folder.

    Raises `CommandError`.
    """
    if "\0" in named:
        raise CommandError("This character is not allowed in a file name.", "For example: /save 2 notes.py")
    file = expand_home(named) if named else Path()
    return file / suggested if not named or named.endswith(os.sep) or file.is_dir() else file
