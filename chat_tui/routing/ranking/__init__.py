"""Choosing models for a prompt."""
