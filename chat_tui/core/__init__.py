"""Records and pure functions that every other package may use; this package imports nothing above it."""
