"""Reads and writes of the store, one module for each subject."""
