"""BSS Eval version 4: where the distortion of an estimated stem comes from.

An estimate is taken apart by least-squares projections on the true stems, each filtered by up
to 512 taps (E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio
source separation", IEEE Trans. Audio, Speech and Language Processing 14(4), 2006, extended to
several channels, as images, by version 3 of the toolbox):

    ŝⱼ = sⱼ + e_spat + e_interf + e_artif
    e_spat   = P(ŝⱼ; sⱼ) − sⱼ                  what a filter makes of the true stem
    e_interf = P(ŝⱼ; s₁…s_J) − P(ŝⱼ; sⱼ)       what comes from the other stems
    e_artif  = ŝⱼ − P(ŝⱼ; s₁…s_J)              what comes from nowhere

    SDR = 10·log₁₀ ‖sⱼ‖² / ‖e_spat + e_interf + e_artif‖²
    ISR = 10·log₁₀ ‖sⱼ‖² / ‖e_spat‖²
    SIR = 10·log₁₀ ‖sⱼ + e_spat‖² / ‖e_interf‖²
    SAR = 10·log₁₀ ‖sⱼ + e_spat + e_interf‖² / ‖e_artif‖²

Version 4 (F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation
Campaign", LVA/ICA 2018) computes the filters once, over the whole song, and the ratios in
windows of a second; a song has their medians. This module agrees with its reference, the
package museval (sigsep/sigsep-mus-eval, `metrics.bss_eval`, mode v4, no permutations), also in
what it leaves out: the last window where it is not whole, and, for all stems, a window in
which one true or estimated stem is silent.

It differs in how it computes. Correlations, of which 511 lags to each side are wanted, come
from short overlapping blocks instead of one transform of the whole song; the normal equations
are factored once, for all stems and channels; and the ratios of a window are taken from its
spectra (Parseval), with no transform back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, linalg

TAPS = 512
"""Of the distortion filters, as in museval."""

_BLOCK = 16384
"""Of the transforms that correlations come from."""

_TOGETHER = 8
"""Blocks that are transformed at a time."""

_WINDOWS = 4
"""Windows whose spectra are held at a time."""

_RIDGE = 1e-11
"""Share of itself that is added to the diagonal where stems are alike, as those of a mono
recording on two channels: any solution projects alike, and this picks one. Above the rounding
errors of a factorisation of 4096 rows, and 110 dB below the sound."""

_EPSILON = float(np.finfo(np.float64).eps)

Audio = NDArray[np.floating]
_Real = NDArray[np.float64]
_Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class BssMedian:
    """Figures of a song in dB; NaN where no window has one."""

    sdr: float
    isr: float
    sir: float
    sar: float


@dataclass(frozen=True, slots=True)
class BssScores:
    """Figures of a stem in dB, each (windows,).

    NaN in windows with a silent stem, infinite where there is no error at all.
    """

    sdr: _Real
    isr: _Real
    sir: _Real
    sar: _Real

    def median(self) -> BssMedian:
        """Over the windows that have a figure; infinite ones have none, as in museval."""
        return BssMedian(*(_median(each) for each in (self.sdr, self.isr, self.sir, self.sar)))


def bss_eval(
    references: Mapping[str, Audio],
    estimates: Mapping[str, Audio],
    rate: int,
    check: Callable[[], None] = lambda: None,
) -> dict[str, BssScores]:
    """The figures of each stem, in windows of a second.

    Memory beside the stems themselves: 8·(stems · channels · 512)² bytes, 134 MB for four
    stereo stems, and some 100 MB of spectra, however long they are.

    Args:
        references: the true stems, (frames, channels) each, all of one shape. All of them
            count as interference of the others.
        estimates: of the same names and shape.
        rate: frames of a window, which follow each other without a gap. A song that is not
            longer is one window.
        check: called now and then; what it raises ends it.

    Raises:
        ValueError: the names or the shapes differ, or there is no sound.
    """
    shape = _shape(references, estimates)
    names = tuple(references)
    true = tuple(references[name] for name in names)
    guessed = tuple(estimates[name] for name in names)
    filters = _Filters(*_correlations(true, guessed, check), shape[1], check)
    windows = 1 + (shape[0] - rate) // rate if rate < shape[0] else 1
    ratios = np.full((4, len(names), windows), np.nan)
    spectra = filters.spectra(min(rate, shape[0]))
    for first in range(0, windows, _WINDOWS):
        check()
        chosen = [
            slice(at * rate, min((at + 1) * rate, shape[0]))
            for at in range(first, min(first + _WINDOWS, windows))
        ]
        kept = [
            place
            for place, window in enumerate(chosen)
            if not any(_silent(sound[window]) for sound in (*true, *guessed))
        ]
        if kept:
            parts = [chosen[place] for place in kept]
            where = [first + place for place in kept]
            ratios[:, :, where] = _ratios(true, guessed, parts, spectra)
    return {name: BssScores(*ratios[:, place]) for place, name in enumerate(names)}


def _shape(references: Mapping[str, Audio], estimates: Mapping[str, Audio]) -> tuple[int, int]:
    if not references or set(references) != set(estimates):
        raise ValueError(f"references are {list(references)}, estimates {list(estimates)}")
    shapes = {sound.shape for sound in (*references.values(), *estimates.values())}
    if len(shapes) > 1:
        raise ValueError(f"the stems differ in shape: {sorted(shapes)}")
    (shape,) = shapes
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"a stem is (frames, channels), not {shape}")
    return shape[0], shape[1]


def _silent(sound: Audio) -> bool:
    """As museval sees it: the sum of the channels is zero, so that two opposite ones count."""
    return not np.any(np.sum(sound, axis=1, dtype=np.float64))


def _correlations(
    true: tuple[Audio, ...], guessed: tuple[Audio, ...], check: Callable[[], None]
) -> tuple[_Real, _Real]:
    """Σₙ x[n]·y[n + m] for |m| < TAPS, x a channel of a true stem.

    Returns:
        y of the true stems, (x, y, lag), and of the estimates, (x, y, lag); lag 0 in the
        middle. Channels of a stem follow each other.
    """
    frames = len(true[0])
    ahead = TAPS - 1
    step = _BLOCK - 2 * ahead
    count = sum(sound.shape[1] for sound in true)
    total = np.zeros((_BLOCK // 2 + 1, count, 2 * count), np.complex128)
    for first in range(0, frames, _TOGETHER * step):
        check()
        starts = range(first, min(frames, first + _TOGETHER * step), step)
        own = np.zeros((len(starts), count, _BLOCK))
        around = np.zeros((len(starts), 2 * count, _BLOCK))
        for place, start in enumerate(starts):
            stop = min(frames, start + step)
            low, high = max(0, start - ahead), min(frames, start + step + ahead)
            at = low - start + ahead
            own[place, :, : stop - start] = _channels(true, slice(start, stop))
            around[place, :, at : at + high - low] = _channels((*true, *guessed), slice(low, high))
        left = np.conj(fft.rfft(own, axis=2)).transpose(2, 1, 0)
        right = fft.rfft(around, axis=2).transpose(2, 0, 1)
        total += np.ascontiguousarray(left) @ np.ascontiguousarray(right)
    lags = fft.irfft(np.moveaxis(total, 0, 2), n=_BLOCK, axis=2)[:, :, : 2 * TAPS - 1]
    return lags[:, :count], lags[:, count:]


def _channels(sounds: tuple[Audio, ...], part: slice) -> _Real:
    """(channels of all sounds, frames)"""
    return np.concatenate([sound[part].T for sound in sounds]).astype(np.float64)


class _Filters:
    """Projections of each estimate on all true stems, and on its own alone.

    whole: (x, tap, y). own: (stem, channel of x, tap, channel of y).
    """

    def __init__(
        self, between: _Real, towards: _Real, channels: int, check: Callable[[], None]
    ) -> None:
        count = len(between)
        # Σₙ x[n − a]·ŷ[n] for taps a from 0.
        wanted = towards[:, :, TAPS - 1 :].transpose(0, 2, 1)
        self.channels = channels
        alone = []
        for first in range(0, count, channels):
            check()
            part = slice(first, first + channels)
            solved = _solve(_normal(between[part, part]), wanted[part, :, part])
            alone.append(solved.reshape(channels, TAPS, channels))
        self.own = np.stack(alone)
        check()
        self.whole = (
            self.own[0]
            if count == channels
            else _solve(_normal(between), wanted).reshape(count, TAPS, count)
        )

    def spectra(self, frames: int) -> tuple[int, _Complex, _Complex]:
        """For windows of so many frames: length of a transform, `whole` as (bin, x, y) and
        `own` as (stem, bin, x, y)."""
        length = fft.next_fast_len(frames + TAPS - 1, real=True)
        whole = fft.rfft(self.whole, n=length, axis=1).transpose(1, 0, 2)
        own = fft.rfft(self.own, n=length, axis=2).transpose(0, 2, 1, 3)
        return length, np.ascontiguousarray(whole), np.ascontiguousarray(own)


def _normal(between: _Real) -> _Real:
    """The inner products of all delayed true channels, (x · tap, x · tap)."""
    count = len(between)
    out = np.empty((count * TAPS, count * TAPS), order="F")
    for row in range(count):
        for column in range(row + 1):
            # Entry (a, b) has x of the row delayed by a, and x of the column by b.
            lags = between[column, row]
            block = linalg.toeplitz(lags[TAPS - 1 :: -1], lags[TAPS - 1 :])
            rows = slice(row * TAPS, (row + 1) * TAPS)
            columns = slice(column * TAPS, (column + 1) * TAPS)
            out[rows, columns] = block
            out[columns, rows] = block.T
    return out


def _solve(normal: _Real, wanted: _Real) -> _Real:
    """normal · filters = wanted; the memory of `normal` is used."""
    columns = wanted.reshape(len(normal), -1)
    diagonal = normal.diagonal().copy()
    for ridge in (0.0, _RIDGE):
        # The absolute part is museval's: far below what any sound adds there.
        np.fill_diagonal(normal, diagonal * (1.0 + ridge) + _EPSILON)
        try:
            factor = linalg.cho_factor(normal, lower=True, overwrite_a=True, check_finite=False)
            return np.asarray(linalg.cho_solve(factor, columns, check_finite=False))
        except linalg.LinAlgError:
            # The upper triangle was left as it was.
            upper = np.triu(normal, 1)
            normal[:] = upper.T
            normal += upper
    np.fill_diagonal(normal, diagonal)
    return np.asarray(linalg.lstsq(normal, columns, check_finite=False)[0])


def _ratios(
    true: tuple[Audio, ...],
    guessed: tuple[Audio, ...],
    windows: list[slice],
    spectra: tuple[int, _Complex, _Complex],
) -> _Real:
    """(sdr, isr, sir, sar; stem; window) in dB."""
    length, whole, own = spectra
    channels = true[0].shape[1]
    stems = len(true)
    signal = np.stack([_channels(true, window) for window in windows])
    guess = np.stack([_channels(guessed, window) for window in windows])
    # In time, where no error is exactly none.
    truth = _by_stem(np.square(signal).sum(axis=2), channels)
    error = _by_stem(np.square(guess - signal).sum(axis=2), channels)
    # (bin, window, channel)
    heard = np.ascontiguousarray(fft.rfft(signal, n=length, axis=2).transpose(2, 0, 1))
    given = fft.rfft(guess, n=length, axis=2).transpose(2, 0, 1)
    filtered = np.concatenate(
        [heard[:, :, stem * channels : (stem + 1) * channels] @ own[stem] for stem in range(stems)],
        axis=2,
    )
    projected = filtered if stems == 1 else heard @ whole

    def energy(spectrum: _Complex) -> _Real:
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        # A real signal's spectrum has all bins twice but the first, and the last of an
        # even length.
        twice = 2.0 * power.sum(axis=0) - power[0] - (0.0 if length % 2 else power[-1])
        return _by_stem(twice / length, channels)

    return np.stack(
        [
            _decibels(truth, error),
            _decibels(truth, energy(filtered - heard)),
            _decibels(energy(filtered), energy(projected - filtered)),
            _decibels(energy(projected), energy(given - projected)),
        ]
    )


def _by_stem(energies: _Real, channels: int) -> _Real:
    """(window, channel of all stems) as sums, (stem, window)."""
    windows = len(energies)
    return np.asarray(energies.reshape(windows, -1, channels).sum(axis=2).T)


def _decibels(signal: _Real, distortion: _Real) -> _Real:
    with np.errstate(divide="ignore", invalid="ignore"):
        # museval: no distortion is infinitely good, whatever the signal.
        return np.where(distortion == 0.0, np.inf, 10.0 * np.log10(signal / distortion))


def _median(values: _Real) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")
