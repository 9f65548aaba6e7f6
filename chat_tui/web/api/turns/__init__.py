"""What can be done with one turn of a conversation."""
