"""How a probed file will be read: by which library, and what is done to its frames."""

from __future__ import annotations

from dataclasses import dataclass

from stemlift.audio.info import AudioInfo
from stemlift.audio.sndfile import Patches


@dataclass(frozen=True, slots=True)
class SndfilePlan:
    """patches: header bytes to read differently.

    order: for each channel its place in the file, None to keep the file's order.
    seeks: whether libsndfile finds a frame of this format to the sample.
    """

    patches: Patches
    order: tuple[int, ...] | None
    seeks: bool


@dataclass(frozen=True, slots=True)
class LibavPlan:
    """demuxer: the only one that may look at the file.

    window_start: first frame to keep, on the stream's own clock counted in frames; None
        to keep everything FFmpeg gives, whose trimming is then exact.
    """

    demuxer: str
    window_start: int | None

    @property
    def options(self) -> dict[str, str]:
        # With a window of our own FFmpeg must leave the edit list alone, which it
        # applies with the rounding of the movie's clock.
        return {} if self.window_start is None else {"ignore_editlist": "1"}


@dataclass(frozen=True, slots=True)
class Inspection:
    info: AudioInfo
    plan: SndfilePlan | LibavPlan
