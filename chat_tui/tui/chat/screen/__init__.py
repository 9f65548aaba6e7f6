"""The layout of the chat screen and what belongs to all conversations."""
