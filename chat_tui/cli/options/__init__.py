"""The options of the commands, and the parser that reads them. Nothing here imports a command."""
