"""What the dialects write: messages, tools, schemas, and what a provider wants returned."""
