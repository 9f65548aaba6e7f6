"""What can be said of an answer's text while it comes: sentiment, keywords, length, reading time, plug-ins.

Everything here may take milliseconds (the lexicon a third of a second, once): it is for a thread.
"""
