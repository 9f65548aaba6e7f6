"""Child processes and the standard streams."""
