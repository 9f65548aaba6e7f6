"""What a conversation or a preset sets for its requests."""
