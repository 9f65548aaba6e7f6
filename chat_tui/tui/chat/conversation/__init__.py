"""One conversation on the screen."""
