"""`chat-tui doctor`: tells whether everything is as it should be. Nothing is written, and no texts of conversations are
read.

Each section has a frozen record of what it looks at, a function that reads the record from this machine, and a pure
function that makes findings of it.
"""
