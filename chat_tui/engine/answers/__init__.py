"""Running answers: one, several side by side, within a budget."""
