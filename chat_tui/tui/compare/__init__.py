"""Several models' answers side by side."""
