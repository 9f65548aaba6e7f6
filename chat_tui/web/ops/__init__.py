"""Operation: access log, metrics, rates."""
