"""Schedule to the text of a Python module."""
