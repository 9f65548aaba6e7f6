"""The config file: its records, reading it, and what is wrong with it."""
