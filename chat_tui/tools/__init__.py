"""Tools for models: servers of the Model Context Protocol, and the program's own tools."""
