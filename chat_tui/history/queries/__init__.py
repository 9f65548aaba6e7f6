"""Queries and commands of the store: functions of a connection, run by `Store.read` and `Store.write`."""
