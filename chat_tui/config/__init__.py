"""The config file: records, reading and error messages."""
