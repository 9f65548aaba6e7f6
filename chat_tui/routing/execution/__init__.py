"""Running a plan: tries, time limits, cancelling, accounting."""
