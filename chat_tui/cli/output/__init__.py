"""The output of commands: answers, tables, progress, errors."""
