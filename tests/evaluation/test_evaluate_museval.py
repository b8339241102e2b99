"""The figures of `stemlift evaluate` are those of museval on the same files."""

from __future__ import annotations

import csv
from pathlib import Path

import museval_metrics
import numpy as np
import pytest
import soundfile
from separations import separation

from stemlift.cli.main import main

RATE = 8000


def test_the_same_files_give_the_same_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "songs" / "a song"
    folder.mkdir(parents=True)
    # The last second is not whole, and one in the middle is silent in a stem.
    references, _ = separation(4 * RATE + 999, 2, 1)
    references["stem1"][2 * RATE : 3 * RATE] = 0
    for name, sound in references.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE, subtype="PCM_16")
    mixture = sum(references.values())
    noise = 0.01 * np.random.default_rng(1).standard_normal(mixture.shape)
    soundfile.write(folder / "mixture.wav", mixture + noise, RATE, subtype="PCM_24")

    out = tmp_path / "out"
    command = ["evaluate", "--reference", str(folder.parent), "--metric", "bss", "-o", str(out)]
    assert main([*command, "--baseline", "mixture"]) == 0
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        found = {(row["stem"], row["metric"]): float(row["db"]) for row in csv.DictReader(file)}

    true = [soundfile.read(folder / f"{name}.wav", always_2d=True)[0] for name in references]
    guess = [soundfile.read(folder / "mixture.wav", always_2d=True)[0]] * len(true)
    # As `museval.evaluate` asks by default.
    *theirs, _ = museval_metrics.load().bss_eval(
        np.array(true),
        np.array(guess),
        compute_permutation=False,
        window=RATE,
        hop=RATE,
        framewise_filters=False,
        bsseval_sources_version=False,
    )
    for figure, each in zip(("sdr", "isr", "sir", "sar"), theirs, strict=True):
        for name, frames in zip(references, each, strict=True):
            assert found[name, figure] == pytest.approx(np.nanmedian(frames), abs=0.001)
            assert np.isnan(frames).sum() == 1
