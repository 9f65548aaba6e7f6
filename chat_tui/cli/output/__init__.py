"""What the commands write: answers, tables, progress."""
