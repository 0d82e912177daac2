"""The languages of the compiler: abstract values, graphs, primitives and schedules."""
