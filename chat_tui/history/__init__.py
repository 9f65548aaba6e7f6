"""The history: all conversations, in one SQLite file that survives `kill -9`.

    store            `Store`: runs queries and commands in the store's own threads
    queries/         the queries and commands: functions of a connection, in plain SQL
    search/          the index and the search
    transfer/        export and import
    database/        connections, threads, locks, backups, packed and damaged values
    opening          connects, checks, migrates after a backup, and ends what dead processes left
    connections      opens connections again after the file was displaced or recovered
    displacement     what happens when the file is deleted, moved or replaced while it is open
    live_recovery    recovers a store that is found damaged while it is open
    recovery/        builds a new store from the leaf pages of a damaged one
    migrations       the numbered list of schemas
    records          converts records to rows and back
    stored_text      reads texts that may be damaged

Nothing happens at import: the file is created by `Store.open`.
"""
