"""Answers as safe HTML."""
