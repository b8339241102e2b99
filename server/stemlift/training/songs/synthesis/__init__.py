"""Instruments of our own: nothing sampled, nothing recorded."""
