"""Finding servers and the models that they offer."""
