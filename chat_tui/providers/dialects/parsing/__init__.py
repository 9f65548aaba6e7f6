"""Reading replies: text, thinking, usage, errors."""
