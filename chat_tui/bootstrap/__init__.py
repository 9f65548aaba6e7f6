"""Builds an engine from the config: providers, local models, history and routing."""
