"""Markdown as every face takes it apart, whatever it makes of it.

    blocks         `Splitter`: a text that grows as top-level blocks, the last of which is still open
    parser         the one parser of what stands in a block
    code_blocks    the code of an answer, to be copied; indentation: its tabs and blanks
    links          where a link leads, and whether its text says so
    mathematics    formulas in signs that a terminal has; formula_signs: which

All that it reads comes from models: what may be nested or long without end is bounded.
"""
