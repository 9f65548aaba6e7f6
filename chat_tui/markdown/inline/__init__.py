"""What stands within the lines of a paragraph: emphasis, mathematics, HTML tags, footnotes, line ends."""
