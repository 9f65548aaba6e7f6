"""Files that go along with a question."""
