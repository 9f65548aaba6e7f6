"""Recovers a damaged store into a new one. It does not use SQLite to read, which stops at the first bad page.

    database_file  pages of a SQLite file, overlaid with the committed pages of its write-ahead log
    records        cells and records of a page, with their overflow pages
    page_owners    the table that each page belongs to, as far as the trees can be walked
    tables         recognises the table of a row by its shape, for pages that no tree reaches
    rescue         copies the rows into the new store: the newest copy of each, once
    links          repairs links to rows that were lost
    kept_files     where the damaged file is kept

The file format is described at https://www.sqlite.org/fileformat2.html; the names here follow it. Tables
`WITHOUT ROWID` and indexes are not read: they hold nothing that has to be kept.
"""
