"""The operations, each declared once, with all its facets together."""
