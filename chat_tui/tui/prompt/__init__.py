"""The prompt: typing, pasting, completion, attachments."""
