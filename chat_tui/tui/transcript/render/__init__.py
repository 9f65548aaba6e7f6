"""Drawing lines: Markdown, code, tables."""
