"""The command line: `chat-tui` and its commands."""
