"""Graph to graph with the same meaning, and graph to schedule: how it is computed."""
