"""Small widgets and formatting that many screens share."""
