"""`chat-tui config`, `paths` and `settings`."""
