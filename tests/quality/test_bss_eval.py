"""BSS Eval on signals whose distortion is known, and figures that museval 0.4.1 gave."""

from __future__ import annotations

import math

import numpy as np
import pytest
from separations import separation

from stemlift.quality.bss_eval import TAPS, bss_eval

RATE = 8000
RNG = np.random.default_rng(5)
VOICE, DRUMS, NOISE = (RNG.standard_normal((4 * RATE, 2)) for _ in range(3))
TRUE = {"voice": VOICE, "drums": DRUMS}

GOLDEN = {
    # separation(3 * 8000 + 1234, 4, 2), museval.metrics.bss_eval(window=hop=8000), medians:
    # SDR, ISR, SIR, SAR.
    "stem0": (13.9633, 15.2089, 24.0064, 19.4617),
    "stem1": (7.0608, 12.4686, 8.4453, 12.1679),
    "stem2": (11.1942, 11.5889, 23.7164, 20.6107),
    "stem3": (9.4478, 12.7980, 12.8260, 13.3007),
}


def of_voice(estimate: np.ndarray) -> dict[str, float]:
    found = bss_eval(TRUE, {"voice": estimate, "drums": DRUMS}, RATE)["voice"].median()
    return {name: getattr(found, name) for name in ("sdr", "isr", "sir", "sar")}


def test_the_figures_of_museval() -> None:
    references, estimates = separation(3 * RATE + 1234, 4, 2)
    found = bss_eval(references, estimates, RATE)
    assert list(found) == list(GOLDEN)
    for name, expected in GOLDEN.items():
        median = found[name].median()
        given = (median.sdr, median.isr, median.sir, median.sar)
        assert given == pytest.approx(expected, abs=0.001), name
        assert all(len(each) == 3 for each in (found[name].sdr, found[name].sar))


def test_a_tenth_of_another_stem_is_interference() -> None:
    found = of_voice(VOICE + 0.1 * DRUMS)
    assert found["sdr"] == pytest.approx(20, abs=0.2)
    assert found["sir"] == pytest.approx(20, abs=0.3)
    assert found["isr"] > 30
    # But for the ends of the windows, nothing comes from nowhere.
    assert found["sar"] > 30


def test_noise_of_nobody_is_artefact() -> None:
    found = of_voice(VOICE + 0.1 * NOISE)
    assert found["sdr"] == pytest.approx(20, abs=0.2)
    # A part of any noise looks like the stems: as many numbers of it as the filters have, 2048
    # of 32000.
    assert found["sar"] == pytest.approx(20, abs=0.5)
    assert found["sir"] > 30


def test_a_filter_of_its_own_is_spatial_distortion() -> None:
    found = of_voice(0.5 * VOICE)
    assert found["sdr"] == pytest.approx(20 * math.log10(2), abs=0.01)
    assert found["isr"] == pytest.approx(20 * math.log10(2), abs=0.01)
    assert min(found["sir"], found["sar"]) > 100
    late = of_voice(np.roll(VOICE, TAPS - 1, axis=0))
    # Two unrelated noises: energy 1 against energy 2.
    assert late["isr"] == pytest.approx(-10 * math.log10(2), abs=0.3)
    assert late["sar"] > late["sdr"] + 10


def test_no_error_is_infinite_and_has_no_median() -> None:
    found = bss_eval(TRUE, dict(TRUE), RATE)["voice"]
    assert np.isposinf(found.sdr).all()
    assert math.isnan(found.median().sdr)


def test_a_silent_second_has_no_figure_for_any_stem() -> None:
    quiet = DRUMS.copy()
    quiet[RATE : 2 * RATE] = 0
    found = bss_eval({"voice": VOICE, "drums": quiet}, {"voice": DRUMS, "drums": VOICE}, RATE)
    for scores in found.values():
        assert [bool(np.isnan(each)) for each in scores.sir] == [False, True, False, False]
    silent = bss_eval(TRUE, {"voice": VOICE, "drums": 0 * DRUMS}, RATE)
    assert np.isnan(silent["voice"].sdr).all()
    assert math.isnan(silent["voice"].median().sdr)


@pytest.mark.parametrize(
    ("frames", "windows"), [(RATE - 1, 1), (RATE, 1), (2 * RATE - 1, 1), (2 * RATE, 2)]
)
def test_windows_are_whole_seconds(frames: int, windows: int) -> None:
    true = {name: sound[:frames] for name, sound in TRUE.items()}
    found = bss_eval(true, {name: sound + NOISE[:frames] for name, sound in true.items()}, RATE)
    assert found["voice"].sdr.shape == (windows,)
    first = slice(0, min(frames, RATE))
    energies = [np.sum(np.square(sound[first])) for sound in (VOICE, NOISE)]
    assert found["voice"].sdr[0] == pytest.approx(10 * math.log10(energies[0] / energies[1]))


def test_single_precision_is_enough() -> None:
    references, estimates = separation(2 * RATE, 2, 2)
    exact = bss_eval(references, estimates, RATE)
    coarse = bss_eval(
        {name: sound.astype(np.float32) for name, sound in references.items()},
        {name: sound.astype(np.float32) for name, sound in estimates.items()},
        RATE,
    )
    for name, scores in exact.items():
        np.testing.assert_allclose(coarse[name].sir, scores.sir, atol=1e-4)


def test_it_can_be_ended_on_the_way() -> None:
    def enough() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bss_eval(TRUE, dict(TRUE), RATE, enough)


def test_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="estimates"):
        bss_eval(TRUE, {"voice": VOICE}, RATE)
    with pytest.raises(ValueError, match="shape"):
        bss_eval(TRUE, {"voice": VOICE, "drums": DRUMS[1:]}, RATE)
    with pytest.raises(ValueError, match="frames"):
        bss_eval({"voice": VOICE[:0]}, {"voice": VOICE[:0]}, RATE)
    with pytest.raises(ValueError, match="frames"):
        bss_eval({"voice": VOICE[:, 0]}, {"voice": VOICE[:, 0]}, RATE)
    with pytest.raises(ValueError, match="references"):
        bss_eval({}, {}, RATE)
