"""Markdown as every face takes it apart, whatever it makes of it.

    splitter       `BlockSplitter`: a text that grows as top-level blocks, the last of which is still open
    parser         the one parser of what stands in a block
    references     links and footnotes that are defined in other blocks
    code_blocks    the code of an answer, to be copied
    links          where a link leads, and whether its text says so
    inline         what stands within a line: emphasis, formulas in signs that a terminal has, images, tags

All that it reads comes from models: what may be nested or long without end is bounded.
"""
