"""Answers that are made with several requests."""
