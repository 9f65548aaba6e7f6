"""Files that are attached to a question."""
