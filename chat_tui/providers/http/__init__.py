"""HTTP requests to model servers, and what to do when they fail."""
