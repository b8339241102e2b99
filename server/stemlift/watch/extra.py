"""What all extras share."""


class CannotHoldError(Exception):
    """A format cannot keep these stems. Its text is a sentence for the manifest's warnings."""
