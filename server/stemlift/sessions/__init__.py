"""Sessions: tracks and clips on one timeline, written for a DAW."""
