"""Which models exist, what they need, how their weights are fetched, checked and loaded."""
