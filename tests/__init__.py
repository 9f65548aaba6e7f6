"""Tests, and the measuring room in `tests.benchmarks`."""
