"""What a process knows of open pages and running answers."""
