"""The loop of tool calls: a model calls tools, a person consents, the results go back to the model."""
