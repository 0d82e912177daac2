"""Graph to graph, with a new meaning: derivatives and batches."""
