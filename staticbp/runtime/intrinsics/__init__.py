"""Kernels written as LLVM code: what `blas`, `fft`, `kernels` and `linalg` are when compiled."""
