"""The endpoints of the web page and of streaming clients."""
