"""Dialogs and full-screen readers."""
