"""Conversations in memory and how they are saved."""
