"""The child process that speaks the Model Context Protocol with one tool server; it imports the SDK."""
