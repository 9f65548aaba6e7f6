"""What the slash commands do."""
