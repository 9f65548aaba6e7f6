"""The panels around the chat: statistics, models, notices."""
