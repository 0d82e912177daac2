"""User functions to graphs: tracers, the names and lines of the user's program, and guards."""
