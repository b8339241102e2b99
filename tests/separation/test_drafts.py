"""Stem files in the making: the samples that went in, whatever passes full scale and when."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from stemlift.audio.wav_writer import Encoding
from stemlift.errors import Reason, StemliftError
from stemlift.separation.drafts import StemDraft, exact_encoding, settle_encoding
from stemlift.separation.mix import BLOCK
from stemlift.separation.options import OutputFormat
from stemlift.separation.outputs import FileLayout

RATE = 48_000


def layout(bits: int | None, kind: OutputFormat = OutputFormat.WAV) -> FileLayout:
    return FileLayout(RATE, 2, None, bits, None, kind)


def noise(bits: int | None, frames: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).uniform(-1, 0.999, (frames, 2))
    if bits is None:
        return found.astype(np.float32)
    return np.rint(found * 2.0 ** (bits - 1)).astype(np.int64)


def ignore(_: int) -> None:
    pass


@pytest.mark.parametrize("kind", OutputFormat)
def test_within_full_scale_it_is_what_it_was(tmp_path: Path, kind: OutputFormat) -> None:
    path = tmp_path / f"s.{kind.value}"
    draft = StemDraft(path, layout(24, kind))
    blocks = [noise(24, frames, seed) for seed, frames in enumerate((BLOCK, 1, 77))]
    for block in blocks:
        draft.write(block)
    assert settle_encoding(layout(24, kind), [draft]) is Encoding.PCM_24
    draft.finish(Encoding.PCM_24, ignore)
    found, rate = sf.read(path, dtype="int32")
    assert rate == RATE
    assert np.array_equal(found >> 8, np.concatenate(blocks))
    assert sf.info(path).subtype == "PCM_24"
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=30, deadline=None)
@given(
    bits=st.sampled_from([24, 32]),
    frames=st.lists(st.integers(1, 400), min_size=1, max_size=5),
    passing=st.sets(st.integers(0, 4)),
    seed=st.integers(0, 99),
)
def test_wherever_it_passes_full_scale_floats_have_all_of_it(
    tmp_path_factory: pytest.TempPathFactory,
    bits: int,
    frames: list[int],
    passing: set[int],
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("drafts")
    loud, calm = (StemDraft(folder / f"{name}.wav", layout(bits)) for name in ("loud", "calm"))
    written: dict[str, list[np.ndarray]] = {"loud": [], "calm": []}
    for place, count in enumerate(frames):
        block = noise(bits, count, seed + place)
        for name, draft, scale in (("loud", loud, 3 if place in passing else 1), ("calm", calm, 1)):
            written[name].append(block * scale)
            draft.write(block * scale)
    over = any(np.abs(block).max() > 1 << (bits - 1) for block in written["loud"])
    encoding = settle_encoding(layout(bits), [loud, calm])
    assert encoding is (Encoding.FLOAT if over else exact_encoding(layout(bits)))
    for draft in (loud, calm):
        draft.finish(encoding, ignore)
        draft.close()
    for name, blocks in written.items():
        found, _ = sf.read(folder / f"{name}.wav", dtype="float32" if over else "int32")
        whole = np.concatenate(blocks)
        as_float = (whole * 0.5 ** (bits - 1)).astype(np.float32)
        expected = as_float if over else whole << (32 - bits)
        assert np.array_equal(found, expected)
    assert {path.name for path in folder.iterdir()} == {"loud.wav", "calm.wav"}
    assert loud.meter.peak_dbfs == pytest.approx(
        20 * np.log10(np.abs(np.concatenate(written["loud"])).max() / 2.0 ** (bits - 1)), abs=1e-9
    )


def test_floats_stay_floats_however_loud(tmp_path: Path) -> None:
    draft = StemDraft(tmp_path / "s.wav", layout(None))
    block = 40 * noise(None, 500, 1)
    draft.write(block)
    assert draft.fits
    draft.finish(settle_encoding(layout(None), [draft]), ignore)
    assert np.array_equal(sf.read(tmp_path / "s.wav", dtype="float32")[0], block)


def test_flac_says_at_once_what_it_cannot_hold(tmp_path: Path) -> None:
    draft = StemDraft(tmp_path / "s.flac", layout(24, OutputFormat.FLAC))
    draft.write(noise(24, 100, 1))
    with pytest.raises(StemliftError) as caught:
        draft.write(2 * noise(24, 100, 1))
    assert caught.value.reason is Reason.FORMAT_CANNOT_HOLD
    draft.close()


@pytest.mark.parametrize("late", [False, True])
def test_written_anew_it_can_be_stopped_at_every_block(tmp_path: Path, late: bool) -> None:
    def made(name: str) -> StemDraft:
        draft = StemDraft(tmp_path / f"{name}.wav", layout(24))
        for _ in range(3):
            draft.write(np.ones((BLOCK, 2), np.int64))
        if late:
            draft.write(np.full((1, 2), 1 << 23))
        return draft

    seen: list[int] = []
    made("whole").finish(Encoding.FLOAT, seen.append)
    assert seen == [BLOCK] * 3 + [1] * late

    def stop(_: int) -> None:
        raise StemliftError(Reason.CANCELLED, "Stopped.")

    draft = made("part")
    with pytest.raises(StemliftError, match="Stopped"):
        draft.finish(Encoding.FLOAT, stop)
    draft.close()
