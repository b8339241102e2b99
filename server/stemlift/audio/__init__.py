"""Sound files: probe, stream, resample, write. The ground floor: no torch here."""
