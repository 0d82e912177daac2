"""From the text of a generated module to functions that run: kernels, compiler, store."""
