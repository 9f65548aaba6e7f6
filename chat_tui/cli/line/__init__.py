"""Line mode: a conversation in the terminal's own scrollback, one line after the other, or through a pipe.

    message_input    what a person types: at a terminal by the line editor (prompt_toolkit, an extra), else lines of
                     standard input; word_completion completes it
    line_chat        the conversation in use: asks the questions
    answer_lines     writes the answers; tool_consent asks about their tool calls
    line_commands    runs the slash commands, which command_registry collects from commands/

What was written is never drawn again and nothing moves, so that screen readers, slow lines and logs can follow. Answers
go to stdout, everything else to stderr.
"""
