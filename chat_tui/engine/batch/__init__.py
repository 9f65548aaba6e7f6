"""Many prompts at once: read one by one, asked side by side, their results kept in order."""
