"""A fresh store out of what can be read of a damaged one, without SQLite's help: it gives up at the first bad page.

    database_file  pages of a SQLite file, under the committed pages of its log
    records        cells and records of a page, with their overflow pages
    page_owners    which page belongs to which table, as far as its tree can be walked
    tables         which table a row belongs to, by its shape, where no tree tells
    rescue         the rows into the fresh store: each once, the newest copy
    links          rows that lead nowhere are tied to what there is
    kept_files     where the damaged file is kept

The file format is described at https://www.sqlite.org/fileformat2.html; names here are those of that page. Tables
`WITHOUT ROWID` and indexes are not read: nothing that has to be kept is in one.
"""
