"""The history: every conversation, kept in one SQLite file that survives `kill -9`.

    store        `Store`, the one door: async, each call runs in the store's own threads
    lane         one thread with one connection; foreign errors are mapped at its border
    opening      connects, checks, migrates (after a backup), mends what dead processes left
    migrations   the numbered list of schemas
    pieces       gathers those of growing answers, to be written together
    writes, reads, search      plain SQL; rows, packing: records to rows and back; attached: files
    stored_text, damaged_values      what damage leaves of single values, and where
    branches     which path through a tree is the current one
    erasing      deleting, at first only out of sight
    naming       which conversation a person means
    transfer     export and import
    checking, copying          the whole store, read beside those who use it
    owners       which process is alive, so that its growing answers are not taken for broken ones
    displacement where the file goes when it was deleted, moved or replaced while it is in use
    recovery     a fresh store out of the leaf pages of a damaged one

Nothing happens at import: the file is made by `Store.open`.
"""
