"""The program's own tools: files in folders that the user has named, and web pages."""
