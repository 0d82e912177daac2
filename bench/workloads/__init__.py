"""What is timed: one package for each family of workloads, in it one module for each library."""
