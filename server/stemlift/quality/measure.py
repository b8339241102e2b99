"""Everything that can be said of stems without knowing the true ones, in one pass over them.

The mix and its stems are read side by side in blocks, and only sums are kept. Beside the
blocks themselves, some 20 MB for four stereo stems, memory is that of `pairs.PairMeter` and
80 bytes a second for each sound, however long a song is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemlift.audio.info import AudioInfo
from stemlift.audio.levels import LevelMeter
from stemlift.audio.problems import display_name
from stemlift.audio.reader import AudioReader, open_reader
from stemlift.errors import Reason, StemliftError
from stemlift.quality.balance import Balance, BalanceMeter
from stemlift.quality.bleed import Leak, leaks
from stemlift.quality.clipping import Clipping, ClippingMeter
from stemlift.quality.highs import cutoff_hz, high_loss_db
from stemlift.quality.loudness import Loudness, LoudnessMeter
from stemlift.quality.mono import Stereo, StereoMeter
from stemlift.quality.null import Null, NullMeter
from stemlift.quality.pairs import PairMeter
from stemlift.quality.phase import Ripple, ripple
from stemlift.quality.spectra import Framer, Spectra, power
from stemlift.quality.transients import Smear, TransientMeter

BLOCK = 65536

Audio = NDArray[np.floating]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sound:
    """What is said of any sound by itself.

    peak_dbfs, rms_dbfs: −300 for digital silence. stereo: None for more than two channels.
    cutoff_hz: where a band limit cuts it, None where nothing does; of a stem, below the mix's.
    """

    peak_dbfs: float
    rms_dbfs: float
    loudness: Loudness
    stereo: Stereo | None
    clipping: Clipping
    cutoff_hz: float | None


@dataclass(frozen=True, slots=True)
class Measurements:
    """Of a mix and its stems.

    mix: of the sum of the stems where there was no mix; `with_mix` says so, and null is None.
    leaks: of every stem into every other one. smears: None for stems with too few attacks.
    high_loss_db: of the sum of the stems; None where the mix has nothing up there.
    """

    rate: int
    channels: int
    frames: int
    with_mix: bool
    mix: Sound
    stems: Mapping[str, Sound]
    null: Null | None
    balance: Balance
    leaks: tuple[Leak, ...]
    ripple: Ripple
    high_loss_db: float | None
    smears: Mapping[str, Smear | None]

    @property
    def seconds(self) -> float:
        return self.frames / self.rate

    def leaks_into(self, stem: str) -> tuple[Leak, ...]:
        """What `stem` holds of others, the loudest first."""
        into = (leak for leak in self.leaks if leak.into == stem)
        return tuple(sorted(into, key=lambda leak: -leak.in_stem_db))


def measure(
    mix: Path | None,
    stems: Mapping[str, Path],
    *,
    start: int = 0,
    check: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Measure stems against their mix, or without one against their sum.

    Args:
        start: frame of the mix at which the stems begin; it may go on behind their end.
        check: called with the share that is done, 0 to 1; what it raises ends it.

    Raises:
        StemliftError: ARGUMENT_INVALID where rates, channels or lengths differ, or there are
            no stems; reasons of reading.
    """
    if not stems:
        raise StemliftError(
            Reason.ARGUMENT_INVALID, "There are no stems to measure.", "Name at least one."
        )
    with ExitStack() as kept:
        readers = {name: kept.enter_context(open_reader(path)) for name, path in stems.items()}
        whole = None if mix is None else kept.enter_context(open_reader(mix))
        first = next(iter(readers.values())).info
        _require_alike(first, [each.info for each in readers.values()])
        if whole is not None:
            _require_holds(whole.info, first, start)
        meters = _Meters(tuple(stems), first.sample_rate, first.channels)
        for together, parts in _side_by_side(whole, readers, start):
            meters.update(together, parts)
            check(min(1.0, meters.frames / first.frames) if first.frames else 0.0)
        return meters.result(with_mix=mix is not None)


class _Meters:
    """All meters of one song."""

    def __init__(self, names: tuple[str, ...], rate: int, channels: int) -> None:
        self.frames = 0
        self._names = names
        self._rate = rate
        self._channels = channels
        self._sounds = {name: _SoundMeter(rate, channels) for name in names}
        self._mix = _SoundMeter(rate, channels)
        self._null = NullMeter()
        self._balance = BalanceMeter()
        self._transients = TransientMeter(names, rate)
        self._framer = Framer(rate)
        self._pairs = PairMeter(names, self._framer.frequencies, channels)
        # The mix, the sum of the stems, the stems.
        self._powers = np.zeros((2 + len(names), len(self._framer.frequencies)))

    def update(self, mix: Audio, stems: Mapping[str, Audio]) -> None:
        self.frames += len(mix)
        self._mix.update(mix)
        for name, block in stems.items():
            self._sounds[name].update(block)
        self._null.update(mix, stems.values())
        self._balance.update(mix, stems)
        self._transients.update(mix, stems)
        self._spectra(self._framer.take(np.stack([mix, *stems.values()])))

    def _spectra(self, found: Spectra) -> None:
        parts = found[1:]
        self._pairs.update(parts)
        self._powers[0] += power(found[0]).sum(axis=(0, 1), dtype=np.float64)
        self._powers[1] += power(parts.sum(axis=0)).sum(axis=(0, 1), dtype=np.float64)
        for place, each in enumerate(parts, 2):
            self._powers[place] += power(each).sum(axis=(0, 1), dtype=np.float64)

    def result(self, *, with_mix: bool) -> Measurements:
        self._spectra(self._framer.finish())
        mix, together, *stems = self._powers
        frequencies = self._framer.frequencies
        common = self._pairs.result()
        return Measurements(
            rate=self._rate,
            channels=self._channels,
            frames=self.frames,
            with_mix=with_mix,
            mix=self._mix.result(cutoff_hz(mix, frequencies)),
            stems={
                name: self._sounds[name].result(cutoff_hz(own, frequencies, mix))
                for name, own in zip(self._names, stems, strict=True)
            },
            null=self._null.result() if with_mix else None,
            balance=self._balance.result(),
            leaks=leaks(common),
            ripple=ripple(common, mix),
            high_loss_db=high_loss_db(together, mix, frequencies),
            smears=self._transients.result(),
        )


class _SoundMeter:
    """What is said of one sound by itself."""

    def __init__(self, rate: int, channels: int) -> None:
        self._levels = LevelMeter()
        self._loudness = LoudnessMeter(rate, channels)
        self._stereo = StereoMeter() if channels <= 2 else None
        self._clipping = ClippingMeter()

    def update(self, block: Audio) -> None:
        self._levels.update(block)
        self._loudness.update(block)
        self._clipping.update(block)
        if self._stereo is not None:
            self._stereo.update(block)

    def result(self, cutoff: float | None) -> Sound:
        return Sound(
            self._levels.peak_dbfs,
            self._levels.rms_dbfs,
            self._loudness.result(),
            None if self._stereo is None else self._stereo.result(),
            self._clipping.result(),
            cutoff,
        )


def _side_by_side(
    mix: AudioReader | None, stems: Mapping[str, AudioReader], start: int
) -> Iterator[tuple[Audio, dict[str, Audio]]]:
    """Blocks of the mix, or of the sum, and of the stems, full scale 1."""
    streams = {name: _blocks(reader, 0, None) for name, reader in stems.items()}
    counted = next(iter(stems.values())).info.frames
    over = None if mix is None else _blocks(mix, start, counted)
    while True:
        parts = {name: next(stream, None) for name, stream in streams.items()}
        heard = None if over is None else next(over, None)
        ended = [name for name, part in parts.items() if part is None]
        if len(ended) == len(parts) and heard is None:
            return
        found = {name: part for name, part in parts.items() if part is not None}
        lengths = {len(part) for part in found.values()}
        if over is not None:
            lengths.add(0 if heard is None else len(heard))
        if ended or len(lengths) > 1:
            raise _differ("length", "one ends before another")
        yield (sum(found.values(), np.zeros(1)) if heard is None else heard), found


def _blocks(reader: AudioReader, start: int, frames: int | None) -> Iterator[Audio]:
    bits = reader.info.grid_bits
    for block in reader.blocks(start, frames, BLOCK):
        yield block if bits is None else block * 2.0 ** (1 - bits)


def _require_alike(first: AudioInfo, others: list[AudioInfo]) -> None:
    for other in others:
        for what, one, two in (
            ("rate", f"{first.sample_rate} Hz", f"{other.sample_rate} Hz"),
            ("number of channels", first.channels, other.channels),
            ("length", first.frames, other.frames),
        ):
            if one != two and None not in (one, two):
                names = (display_name(Path(each.path.name)) for each in (first, other))
                raise _differ(what, f"{next(names)} {one}, {next(names)} {two}")


def _require_holds(mix: AudioInfo, stem: AudioInfo, start: int) -> None:
    for what, one, two in (
        ("rate", f"{mix.sample_rate} Hz", f"{stem.sample_rate} Hz"),
        ("number of channels", mix.channels, stem.channels),
    ):
        if one != two:
            raise _differ(what, f"the mix {one}, the stems {two}")
    if mix.frames is not None and stem.frames is not None and start + stem.frames > mix.frames:
        behind = f" from frame {start}" if start else ""
        raise _differ("length", f"the mix {mix.frames} frames, the stems {stem.frames}{behind}")


def _differ(what: str, how: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"The mix and its stems differ in their {what}: {how}.",
        "Name the song that these stems were made of, and stems of one separation.",
    )
