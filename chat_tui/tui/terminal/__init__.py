"""The terminal itself: input, output, clipboard. All use of Textual's private modules is here."""
