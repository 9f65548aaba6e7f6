"""Answers that run without a client, and one stream of events for all that a page shows."""
