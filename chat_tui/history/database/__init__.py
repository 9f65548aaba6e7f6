"""The SQLite file: connections, locks, copies, damaged values."""
