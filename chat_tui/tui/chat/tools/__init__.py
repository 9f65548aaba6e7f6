"""The tool calls of a conversation on the screen, and the consent that they wait for."""
