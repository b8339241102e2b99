from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from measured_sounds import RATE, gate, noise
from signals import write

from stemlift.errors import Reason, StemliftError
from stemlift.quality.measure import Measurements, measure
from stemlift.quality.verdicts import Verdict, verdicts, worst

SECONDS = 5
VOICE = gate(noise(SECONDS, seed=1), 2.0, 1.2)
DRUMS = gate(noise(SECONDS, seed=2), 1.0, 0.3)


def as_written(sound: np.ndarray) -> np.ndarray:
    """On the grid of 24 bits."""
    return np.round(sound * 2**23) / 2**23


def files(
    folder: Path, mix: np.ndarray, subtype: str = "PCM_24", **stems: np.ndarray
) -> tuple[Path, dict[str, Path]]:
    written = {name: write(folder / f"{name}.wav", s, RATE, subtype) for name, s in stems.items()}
    return write(folder / "mix.wav", mix, RATE, subtype), written


def judged(found: Measurements) -> dict[tuple[str, str], Verdict]:
    return {(each.metric, each.stem): each for each in verdicts(found)}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    voice, drums = as_written(VOICE), as_written(DRUMS)
    mix, stems = files(tmp_path_factory.mktemp("clean"), voice + drums, vocals=voice, drums=drums)
    return measure(mix, stems)


def test_true_stems_are_good_in_every_way(clean: Measurements) -> None:
    assert {each.level for each in verdicts(clean)} == {"good"}
    assert all(not each.advice for each in verdicts(clean))


def test_true_stems_have_the_figures_of_their_making(clean: Measurements) -> None:
    assert clean.null is not None
    assert clean.null.peak_db == -300.0
    assert clean.balance.sum_db == pytest.approx(0.0, abs=1e-6)
    # 1.2 of 2 seconds and 0.3 of 1, over 5 seconds: 3.4 s against 1.5 s.
    share = clean.balance.shares_db["vocals"] - clean.balance.shares_db["drums"]
    assert share == pytest.approx(10 * np.log10(3.4 / 1.5), abs=0.1)
    assert [leak.level_db for leak in clean.leaks] == [-300.0, -300.0]
    assert clean.ripple.plain_db == pytest.approx(0.0, abs=1e-3)
    assert clean.seconds == SECONDS


def test_bleed_reads_its_level_and_has_advice(tmp_path: Path) -> None:
    mix, stems = files(
        tmp_path, VOICE + DRUMS, vocals=VOICE - 0.1 * VOICE, drums=DRUMS + 0.1 * VOICE
    )
    found = measure(mix, stems)
    (leak,) = found.leaks_into("drums")
    assert leak.level_db == pytest.approx(20 * np.log10(0.1 / 0.9), abs=0.3)
    verdict = judged(found)["bleed", "drums"]
    assert verdict.level == "fair"
    assert "vocals" in verdict.sentence
    assert "rather than gating" in verdict.advice
    assert judged(found)["bleed", "vocals"].level == "good"


def test_what_is_missing_shows(tmp_path: Path) -> None:
    mix, stems = files(tmp_path, VOICE + DRUMS, drums=DRUMS)
    found = judged(measure(mix, stems))
    assert found["null", ""].level == "poor"
    assert found["level balance", ""].level == "poor"


def test_opposite_channels_are_lost_in_mono(tmp_path: Path) -> None:
    wide = VOICE[:, :1] * np.array([1.0, -0.9])
    found = measure(*files(tmp_path, wide + DRUMS, vocals=wide, drums=DRUMS))
    verdict = judged(found)["mono", "vocals"]
    assert verdict.level == "poor"
    assert "mono" in verdict.advice
    assert judged(found)["mono", "drums"].level == "good"


def test_a_stem_that_was_cut_off_is_poor(tmp_path: Path) -> None:
    hot = np.clip(20 * DRUMS, -1, 1)
    found = measure(*files(tmp_path, 0.1 * hot, drums=hot))
    assert judged(found)["clipping", "drums"].level == "poor"
    assert found.stems["drums"].clipping.runs > 100


def test_a_silent_stem_is_said_to_be(tmp_path: Path) -> None:
    found = measure(*files(tmp_path, DRUMS, drums=DRUMS, vocals=0 * VOICE))
    assert judged(found)["loudness", "vocals"].value == "silent"
    assert ("bleed", "vocals") not in judged(found)


def test_silent_stems_are_not_said_to_share_sound(tmp_path: Path) -> None:
    for mix in (0 * VOICE, VOICE):
        found = measure(*files(tmp_path, mix, drums=0 * DRUMS, vocals=0 * VOICE))
        assert ("shared sound", "") not in judged(found)


def test_a_quiet_stem_changes_the_balance_and_nothing_else(tmp_path: Path) -> None:
    hiss = noise(1, 2, seed=9, rate=44100)
    mix, half = (
        write(tmp_path / f"{gain}.wav", gain * hiss, 44100, "FLOAT") for gain in (0.1, 0.05)
    )
    told = judged(measure(mix, {"drums": half}))
    assert told["level balance", ""].level == "poor"
    assert told["highs", ""].level == "good"
    assert ("shared sound", "") not in told


def test_a_single_sample_is_not_judged_in_mono(tmp_path: Path) -> None:
    one = np.array([[0.5, -0.4]])
    told = judged(measure(*files(tmp_path, one, "FLOAT", drums=one)))
    assert ("mono", "drums") not in told
    assert told["null", ""].level == "good"


def test_without_a_mix_the_sum_stands_for_it(tmp_path: Path) -> None:
    _, stems = files(tmp_path, VOICE, vocals=VOICE, drums=DRUMS)
    found = measure(None, stems)
    assert not found.with_mix
    assert found.null is None
    assert found.mix.rms_dbfs == pytest.approx(
        10 * np.log10(np.mean(np.square(VOICE + DRUMS))), abs=0.01
    )
    assert ("null", "") not in judged(found)


def test_stems_of_a_part_lie_where_they_belong(tmp_path: Path) -> None:
    start, end = 10_000, 60_000
    mix, stems = files(tmp_path, VOICE + DRUMS)[0], {}
    for name, sound in (("vocals", VOICE), ("drums", DRUMS)):
        stems[name] = write(tmp_path / f"{name}.wav", sound[start:end], RATE, "PCM_24")
    right, wrong = (measure(mix, stems, start=each) for each in (start, start + 100))
    assert right.null is not None
    assert right.null.peak_db < -120
    assert wrong.null is not None
    assert wrong.null.peak_db > -20


@pytest.mark.parametrize("channels", [1, 6])
def test_channels_may_be_one_or_many(tmp_path: Path, channels: int) -> None:
    one, two = noise(1, channels, seed=1), noise(1, channels, seed=2)
    found = measure(*files(tmp_path, one + two, "FLOAT", a=one, b=two))
    assert found.channels == channels
    assert (found.stems["a"].stereo is None) == (channels > 2)
    assert verdicts(found)


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    mix, _ = files(tmp_path, VOICE)
    short = write(tmp_path / "short.wav", VOICE[:-1], RATE, "PCM_24")
    longer = write(tmp_path / "longer.wav", np.concatenate((VOICE, VOICE)), RATE, "PCM_24")
    other = write(tmp_path / "other.wav", VOICE, 44100, "PCM_24")
    mono = write(tmp_path / "mono.wav", VOICE[:, :1], RATE, "PCM_24")
    for stems, word in (
        ({"a": mix, "b": short}, "length"),
        ({"a": longer}, "length"),
        ({"a": other}, "rate"),
        ({"a": mono}, "channels"),
        ({}, "no stems"),
    ):
        with pytest.raises(StemliftError, match=word) as refused:
            measure(mix, stems)
        assert refused.value.reason is Reason.ARGUMENT_INVALID


def test_progress_is_told_and_can_stop_it(tmp_path: Path) -> None:
    mix, stems = files(tmp_path, VOICE, a=VOICE)
    shares: list[float] = []
    measure(mix, stems, check=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(mix, stems, check=stop)


def test_the_worst_level_wins() -> None:
    def levels(*names: str) -> Iterator[str]:
        return iter(names)

    assert worst(levels("good", "poor", "fair")) == "poor"  # type: ignore[arg-type]
    assert worst(levels()) == "good"  # type: ignore[arg-type]
