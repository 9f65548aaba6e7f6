"""The parts of the chat screen beside the conversation: choice of the model, panels, views, the external editor."""
