"""Generated text to LLVM code, and that to machine code. Imported only to compile."""
