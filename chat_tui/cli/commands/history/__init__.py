"""`chat-tui history`."""
