"""Measures chat-tui at a pseudo terminal, beside the smallest Textual app: `python -m tests.benchmarks`."""
