"""Looking inside: what a call is compiled to."""
