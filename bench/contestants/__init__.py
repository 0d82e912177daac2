"""What runs in the processes that are timed: one module for each benchmark and library."""
