"""Who is let in: the check of the token, the browsers that are signed in, and their cookie."""
