"""The lines of a transcript."""
