"""API keys and other secrets of providers."""
