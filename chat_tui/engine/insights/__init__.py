"""Insights into an answer's text while it streams: sentiment, keywords, length, reading time, plug-ins.

All of it takes milliseconds, and loading the lexicon a third of a second, so it is for a thread.
"""
