"""Training a separator of our own; the extra `train`. Only the command line imports it."""
