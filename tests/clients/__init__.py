"""Proof with clients that others wrote: `python -m tests.clients PYTHON`; see `docs/openai.md`."""
