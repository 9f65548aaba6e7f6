"""Markdown of models as safe HTML."""
