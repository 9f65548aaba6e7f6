"""One module for each file format that can be imported."""
