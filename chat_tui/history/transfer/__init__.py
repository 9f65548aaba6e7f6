"""Conversations in and out of the store.

parcels      what an import is made of: a conversation's head, its turns one by one, what had to be skipped
own          our JSON, which loses nothing, both ways
markdown     for people to read
splitting    cuts a file of many JSON records into single ones, so that a bad or endless one costs itself only
chatgpt, llm_logs, elia      what other programs keep, as parcels
files        tells by its content what a file is
writing      what an import does to the store, inside a transaction of the writer
importing    reads and writes in turn, in short transactions
"""
