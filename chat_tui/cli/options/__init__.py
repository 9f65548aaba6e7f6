"""The options of the commands, read without loading what the commands need."""
