"""Tokens, speed and money: of one answer, and summed up."""
