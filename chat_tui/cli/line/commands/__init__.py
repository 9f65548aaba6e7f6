"""The handlers of the slash commands of line mode, by what they are about."""
