"""Which sound files can be read."""

from __future__ import annotations

from stemlift.audio.sniff import readable_containers


def readable_formats() -> list[str]:
    """Names of the containers as `AudioInfo.container` gives them, sorted."""
    return readable_containers()
