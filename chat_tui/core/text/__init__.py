"""Pure functions on text from outside."""
