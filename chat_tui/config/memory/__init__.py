"""The user's memory, and the notes of a folder: plain files that people read and change."""
