"""The five tracks of a stem file, read from a mix and its stems in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from stemlift.audio import problems
from stemlift.audio.reader import AudioReader, open_reader
from stemlift.audio.resample import resample_blocks, resampled_length
from stemlift.errors import Reason, StemliftError

# Those that a stem file has a track for; all else is heard in its track "Other".
OWN_TRACKS = ("drums", "bass", "vocals")
RATES = (44100, 48000)


def stem_rate(rate: int) -> int:
    """The rate of a stem file made from a mix of `rate` Hz: 44.1 kHz, or 48 kHz.

    The format asks for 44.1 kHz, and players take 48. A mix of one of the two keeps its
    rate; multiples of 48 kHz become 48 kHz, the rest 44.1 kHz.
    """
    if rate in RATES:
        return rate
    return 48000 if rate % 48000 == 0 or 48000 % rate == 0 else 44100


class StemParts:
    """The tracks of a stem file as blocks; a context manager.

    The stems called drums, bass and vocals get a track each, a silent one where the set
    lacks it. The track "Other" is what they leave of the mix. So other, guitar, piano, a
    remainder or an instrumental are folded into it, whatever they are called, and at every
    sample the four tracks add up to the mix. For a set that nulls and has the usual four
    stems, that is the stem "other" itself, bit by bit from an integer source.

    whole: blocks are int32 on the 24-bit grid, exact; otherwise float32.
    frames: of every track, at `rate`; None where the mix does not tell it beforehand.
    """

    def __init__(self, mix: Path, stems: Mapping[str, Path]) -> None:
        """Open the files.

        Raises:
            StemliftError: as `open_reader`; FORMAT_CANNOT_HOLD when there are more than two
                channels or none of the three stems; ARGUMENT_INVALID when a stem has another
                rate or length than the mix.
        """
        own = {name: stems[name] for name in OWN_TRACKS if name in stems}
        if not own:
            raise StemliftError(
                Reason.FORMAT_CANNOT_HOLD,
                f"A stem file has tracks for drums, bass and vocals, and "
                f"{problems.display_name(mix)} was separated into "
                f"{', '.join(sorted(stems)) or 'nothing'}.",
                "Leave the stem file out, or separate with a model that gives one of them.",
            )
        with ExitStack() as opened:
            self._mix = opened.enter_context(open_reader(mix))
            self._own = {
                name: opened.enter_context(open_reader(path)) for name, path in own.items()
            }
            readers = (self._mix, *self._own.values())
            for reader in readers:
                _require_stereo(reader)
                _require_same(reader, self._mix)
            self._close = opened.pop_all()
        info = self._mix.info
        self.rate = stem_rate(info.sample_rate)
        self.whole = self.rate == info.sample_rate and all(
            reader.info.grid_bits == 24 for reader in readers
        )
        self.frames = (
            None
            if info.frames is None
            else resampled_length(info.frames, info.sample_rate, self.rate)
        )

    def __enter__(self) -> StemParts:
        return self

    def __exit__(self, *_error: object) -> None:
        self._close.close()

    def blocks(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Mix, drums, bass, other and vocals, each (frames, 2), block by block.

        Raises:
            StemliftError: as `AudioReader.blocks`; ARGUMENT_INVALID when a stem turns out
                shorter or longer than the mix.
        """
        readers = [self._mix, *self._own.values()]
        streams = [self._stream(reader) for reader in readers]
        for mix in streams[0]:
            own: dict[str, np.ndarray] = {}
            for (name, reader), stream in zip(self._own.items(), streams[1:], strict=True):
                block = next(stream, None)
                if block is None or block.shape != mix.shape:
                    raise _other_length(reader, self._mix)
                own[name] = block
            yield self._tracks(mix, own)
        for reader, stream in zip(readers[1:], streams[1:], strict=True):
            if next(stream, None) is not None:
                raise _other_length(reader, self._mix)

    def _tracks(self, mix: np.ndarray, own: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        # Wide enough that nothing is rounded on the way.
        rest = mix.astype(np.int64 if self.whole else np.float64)
        for block in own.values():
            rest -= block
        other = rest if self.whole else rest.astype(np.float32)
        silence = np.zeros_like(mix)
        return (
            mix,
            own.get("drums", silence),
            own.get("bass", silence),
            other,
            own.get("vocals", silence),
        )

    def _stream(self, reader: AudioReader) -> Iterator[np.ndarray]:
        blocks = (_stereo(block) for block in reader.blocks())
        if self.whole:
            return blocks
        scale = 0 if reader.info.grid_bits is None else reader.info.grid_bits - 1
        floats = (_float(block, scale) for block in blocks)
        if self.rate == reader.info.sample_rate:
            return floats
        return _resampled(floats, reader, self.rate)


def _resampled(
    blocks: Iterator[np.ndarray], reader: AudioReader, rate: int
) -> Iterator[np.ndarray]:
    info = reader.info
    if info.frames is None:
        # The resampler has to know where to end.
        raise StemliftError(
            Reason.FORMAT_CANNOT_HOLD,
            f"{problems.display_name(info.path)} does not tell its length, which its change "
            f"from {info.sample_rate} to {rate} Hz needs.",
            "Convert it to WAV or FLAC first, or leave the stem file out.",
        )
    frames = resampled_length(info.frames, info.sample_rate, rate)
    return resample_blocks(blocks, info.sample_rate, rate, 2, frames)


def _stereo(block: np.ndarray) -> np.ndarray:
    return block if block.shape[1] == 2 else np.repeat(block, 2, axis=1)


def _float(block: np.ndarray, scale: int) -> np.ndarray:
    return (block / float(1 << scale)).astype(np.float32) if scale else block.astype(np.float32)


def _require_stereo(reader: AudioReader) -> None:
    if reader.info.channels > 2:
        raise StemliftError(
            Reason.FORMAT_CANNOT_HOLD,
            f"A stem file is stereo, and {problems.display_name(reader.info.path)} has "
            f"{reader.info.channels} channels.",
            "Leave the stem file out, or separate a stereo mix.",
        )


def _require_same(reader: AudioReader, mix: AudioReader) -> None:
    if reader.info.sample_rate != mix.info.sample_rate:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{problems.display_name(reader.info.path)} has {reader.info.sample_rate} Hz, its "
            f"mix {mix.info.sample_rate} Hz.",
            "Give the stems of this very mix.",
        )
    lengths = {each.info.frames for each in (reader, mix) if each.info.frames is not None}
    if len(lengths) > 1:
        raise _other_length(reader, mix)


def _other_length(reader: AudioReader, mix: AudioReader) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{problems.display_name(reader.info.path)} is not as long as its mix "
        f"{problems.display_name(mix.info.path)}.",
        "Give the stems of this very mix, whole.",
    )
