"""The slash commands that the screen and line mode share: names, arguments and help.

Each face registers what carries them out. A command of the screen alone is in its table of actions (`tui/actions`).
"""
