"""Markdown as every face takes it apart: blocks that grow, code in them, links, mathematics, one parser."""
