"""The slash commands and their handlers."""
