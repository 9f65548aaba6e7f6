"""Running answers, comparisons, budgets and titles."""
