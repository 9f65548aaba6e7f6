"""The chat pane: turns as blocks as lines, painted by one widget."""
