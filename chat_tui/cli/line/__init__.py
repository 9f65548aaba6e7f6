"""Line mode: a conversation in the terminal's own scrollback, one line after the other, or through a pipe.

    message_input    what a person types: at a terminal by prompt_toolkit, an extra, else lines of standard input
    line_chat        asks the questions and writes the answers
    line_commands    the slash commands, which are those of the screen that make sense without one

What was written is never drawn again and nothing moves, so that screen readers, slow lines and logs can follow. Answers
go to stdout, everything else to stderr.
"""
