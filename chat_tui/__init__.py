"""chat-tui: a terminal chat application with its own LLM router.

`docs/architecture.md` describes the packages, their layers, and the decisions that are not obvious.
"""

__version__ = "0.1.0"
