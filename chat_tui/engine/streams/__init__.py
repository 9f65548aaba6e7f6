"""Answers that are made of several requests."""
