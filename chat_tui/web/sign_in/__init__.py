"""Signing in from a browser: the sign-ins and their cookie."""
