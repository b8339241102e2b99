"""One module for each format that weights are published in; all of them read without running."""
