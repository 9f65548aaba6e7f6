"""Insights into an answer's text while it streams: sentiment, keywords, length, reading time, plug-ins.

All of it takes milliseconds, and the first time reads a list of words, so it is for a thread.
"""
