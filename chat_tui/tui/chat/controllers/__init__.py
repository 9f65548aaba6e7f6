"""What keys and commands act on beside the conversation: the choice of the model, views, the external editor."""
