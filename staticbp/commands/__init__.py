"""What the command `staticbp` does."""
