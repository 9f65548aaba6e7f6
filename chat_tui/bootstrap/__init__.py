"""Puts an engine together from the config: providers, local models, history and routing."""
