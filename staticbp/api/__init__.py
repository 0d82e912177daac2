"""What users call: thin, documented, each file one idea."""
