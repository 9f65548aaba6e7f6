"""Batches: prompts are read one by one and asked concurrently, and the results are written in order."""
