"""The former place of `models.store`."""

from stemlift.models.store import DEFAULT_ENDPOINT, ModelStore

__all__ = ["DEFAULT_ENDPOINT", "ModelStore"]
