"""Generated from proto/stemlift/v1 by proto/generate.py. Do not edit."""
