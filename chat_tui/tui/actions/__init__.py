"""Names, keys and commands of what a user can do."""
