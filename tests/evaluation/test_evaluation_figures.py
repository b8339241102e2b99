"""Pairing stems, scoring them, the baselines, and what is made of the figures."""

from __future__ import annotations

import csv
import io
import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from multitracks import RATE, stems_of
from separations import separation

from stemlift.errors import StemliftError
from stemlift.evaluation.boxplot import box_plot
from stemlift.evaluation.entrants import Baseline
from stemlift.evaluation.oracle import HOP, WINDOW, ratio_mask
from stemlift.evaluation.pairing import pairs
from stemlift.evaluation.recordings import Recording
from stemlift.evaluation.run import Scored
from stemlift.evaluation.scoring import Metric, StemScore, score
from stemlift.evaluation.table import HEAD, as_csv, as_json
from stemlift.quality.bss_eval import bss_eval
from stemlift.quality.sdr import sdr, si_sdr

FOUR = ("drums", "bass", "other", "vocals")


def recording(**stems: np.ndarray) -> Recording:
    sounds = {name: np.asarray(sound, np.float32) for name, sound in stems.items()}
    return Recording(sounds, np.sum(list(sounds.values()), axis=0), RATE)


def easy(seconds: float = 1.0) -> Recording:
    return recording(**{name: sound / 32768 for name, sound in stems_of(seconds, 1).items()})


def paired(references: tuple[str, ...], estimates: tuple[str, ...]) -> dict[str, tuple]:
    return {pair.label: (pair.references, pair.estimates) for pair in pairs(references, estimates)}


def test_stems_of_one_name_answer_each_other() -> None:
    assert paired(FOUR, FOUR[::-1]) == {name: ((name,), (name,)) for name in FOUR}


def test_what_two_stems_leave_is_all_but_the_vocals() -> None:
    rest = ("drums", "bass", "other")
    assert paired(FOUR, ("vocals", "other")) == {
        "instrumental": (rest, ("other",)),
        "vocals": (("vocals",), ("vocals",)),
    }
    assert paired(FOUR, ("vocals", "remainder"))["instrumental"] == (rest, ("remainder",))
    assert list(paired(FOUR, ("vocals",))) == ["vocals"]


def test_guitar_and_piano_belong_to_the_other_of_four() -> None:
    six = (*FOUR, "guitar", "piano")
    assert paired(FOUR, six)["other"] == (("other",), ("other", "guitar", "piano"))
    assert paired(six, FOUR)["rest"] == (("other", "guitar", "piano"), ("other",))
    assert paired(FOUR, ("drums", "other"))["rest"] == (("bass", "other", "vocals"), ("other",))


def test_without_a_common_stem_there_is_nothing_to_compare() -> None:
    assert pairs(FOUR, ("speech", "music")) == ()
    assert pairs(("kick", "snare"), FOUR) == ()
    with pytest.raises(StemliftError, match="speech") as caught:
        score(Metric.SDR, easy(0.1), {"speech": np.zeros((4410, 2), np.float32)})
    assert caught.value.exit_code == 2


def test_sdr_of_stems_and_of_sums() -> None:
    truth = easy()
    guess = {"vocals": 0.5 * truth.stems["vocals"], "other": 0.9 * truth.mixture}
    found = {each.stem: each.values for each in score(Metric.SDR, truth, guess)}
    assert found["vocals"]["sdr"] == pytest.approx(20 * np.log10(2), abs=1e-4)
    band = sum(truth.stems[name] for name in ("drums", "bass", "other"))
    assert found["instrumental"]["sdr"] == pytest.approx(sdr(band, guess["other"]), abs=1e-4)
    assert found["instrumental"]["si_sdr"] == pytest.approx(si_sdr(band, guess["other"]), abs=1e-4)
    # An estimate without any error would outweigh all others.
    assert found["vocals"]["si_sdr"] is None or found["vocals"]["si_sdr"] > 100


def test_what_has_no_figure() -> None:
    voice = np.random.default_rng(1).standard_normal((RATE, 2))
    silence = np.zeros_like(voice)
    for quiet in (silence, 1e-4 * voice):
        alone = recording(vocals=voice, drums=quiet)
        scores = score(Metric.SDR, alone, {"vocals": 0.9 * voice, "drums": 0.1 * voice})
        assert all(value is None for each in scores for value in each.values.values())
    trio = recording(vocals=voice, drums=silence, bass=voice[::-1])
    scores = score(Metric.BSS, trio, dict.fromkeys(trio.stems, trio.mixture))
    drums, others = scores[1], (scores[0], scores[2])
    assert drums.values == dict.fromkeys(Metric.BSS.figures)
    # A stem that is silent throughout takes no second away from the others.
    assert all(value is not None for each in others for value in each.values.values())


def test_bss_eval_is_that_of_quality() -> None:
    references, estimates = separation(2 * RATE, 2, 1)
    truth = recording(**references)
    guess = {name: np.asarray(sound, np.float32) for name, sound in estimates.items()}
    expected = bss_eval(truth.stems, guess, RATE)
    for each in score(Metric.BSS, truth, guess):
        median = expected[each.stem].median()
        assert each.values == {name: getattr(median, name) for name in Metric.BSS.figures}
        assert each.frames["sir"] == tuple(expected[each.stem].sir)


def test_stems_that_a_model_leaves_out_interfere_all_the_same() -> None:
    references, estimates = separation(2 * RATE, 2, 1)
    (first, second), (guess, _) = references.values(), estimates.values()
    truth = recording(vocals=first, drums=second)
    guess = np.asarray(guess, np.float32)
    (found,) = score(Metric.BSS, truth, {"vocals": guess})
    both = score(Metric.BSS, truth, {"vocals": guess, "drums": truth.mixture - guess})
    (expected,) = (each for each in both if each.stem == "vocals")
    assert found == expected
    assert found.values["sir"] is not None


def test_the_mixture_as_every_stem() -> None:
    truth = easy()
    guess = Baseline.MIXTURE.estimates(truth, lambda: None)
    for each in score(Metric.SDR, truth, guess):
        rest = truth.mixture - truth.stems[each.stem]
        energies = [np.sum(np.square(s, dtype=float)) for s in (truth.stems[each.stem], rest)]
        expected = 10 * np.log10(energies[0] / energies[1])
        assert each.values["sdr"] == pytest.approx(expected, abs=1e-3)


def test_the_oracle_adds_up_and_parts_what_lies_apart() -> None:
    time = np.arange(3 * RATE // 2 + 17) / RATE
    low, high = (0.3 * np.sin(2 * np.pi * f * time)[:, None].repeat(2, 1) for f in (200, 5000))
    truth = recording(bass=low, vocals=high)
    found = Baseline.ORACLE.estimates(truth, lambda: None)
    np.testing.assert_allclose(sum(found.values()), truth.mixture, atol=1e-6)
    middle = slice(WINDOW, -WINDOW)
    for name, sound in found.items():
        assert sdr(truth.stems[name][middle], sound[middle]) > 60


def test_the_oracle_is_the_mask_of_powers() -> None:
    """Computed in another way, as SiSEC does, with scipy's own STFT."""
    from scipy.signal import istft, stft

    truth = easy(0.5)
    how = {"nperseg": WINDOW, "noverlap": WINDOW - HOP}
    powers = {name: np.abs(stft(s.T, **how)[-1]) ** 2 for name, s in truth.stems.items()}
    mix = stft(truth.mixture.T, **how)[-1]
    found = ratio_mask(truth.stems, truth.mixture)
    for name, power in powers.items():
        theirs = istft(mix * power / (sum(powers.values()) + 1e-20), **how)[1].T
        theirs = theirs[: len(truth.mixture)]
        middle = slice(WINDOW, len(truth.mixture) - WINDOW)
        # Their frames begin elsewhere, so that only the figures can agree.
        ours = sdr(truth.stems[name][middle], found[name][middle])
        assert ours == pytest.approx(sdr(truth.stems[name][middle], theirs[middle]), abs=0.5)


RESULTS = [
    Scored("one", "spectral", (StemScore("bass", {"sdr": 4.0, "si_sdr": 3.0}),), False),
    Scored("one", "mixture", (StemScore("bass", {"sdr": -4.0, "si_sdr": None}),), False),
    Scored("two", "spectral", (StemScore("bass", {"sdr": 8.0, "si_sdr": 5.0}),), True),
    Scored("two", "mixture", (StemScore("bass", {"sdr": None, "si_sdr": None}),), False),
]


def test_the_table_row_by_row() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(RESULTS, Metric.SDR))))
    assert tuple(rows[0]) == HEAD
    assert len(rows) == 1 + 2 * len(RESULTS)
    assert rows[1] == ["one", "spectral", "bass", "sdr", "4.00000"]
    assert rows[-1] == ["two", "mixture", "bass", "si_sdr", ""]


def test_means_and_medians() -> None:
    told = as_json(RESULTS, Metric.SDR, {"remainder": "other"})
    assert told["songs"] == ["one", "two"]
    bass = told["models"]["spectral"]["stems"]["bass"]
    assert bass["sdr"] == {"mean": 6.0, "median": 6.0, "songs": 2}
    assert told["models"]["mixture"]["stems"]["bass"]["sdr"]["songs"] == 1
    assert told["models"]["mixture"]["stems"]["bass"]["si_sdr"]["mean"] is None
    assert told["models"]["spectral"]["mean_of_stems"] == {}
    more = StemScore("drums", {"sdr": 0.0, "si_sdr": 1.0})
    told = as_json(
        [*RESULTS, Scored("one", "spectral", (more,), False)], Metric.SDR, {"remainder": "other"}
    )
    assert told["models"]["spectral"]["mean_of_stems"]["sdr"] == {"mean": 3.0, "median": 3.0}


def test_boxes_span_the_quartiles() -> None:
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 20.0]
    picture = box_plot("A & B", "dB", {"bass": {"<one>": values, "two": [], "three": [5.0]}})
    root = ElementTree.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    ticks = {
        float(text.text or ""): float(text.get("y", 0)) - 4
        for text in root.iter(f"{space}text")
        if re.fullmatch(r"-?[\d.]+", text.text or "")
    }
    least, most = min(ticks), max(ticks)
    assert least <= 0
    assert most >= 20

    def value(y: float) -> float:
        return most + (y - ticks[most]) * (least - most) / (ticks[least] - ticks[most])

    one, three = root.findall(f"{space}g")
    box = one.find(f"{space}rect")
    assert box is not None
    top = float(box.get("y", 0))
    assert value(top) == pytest.approx(np.percentile(values, 75), abs=0.05)
    assert value(top + float(box.get("height", 0))) == pytest.approx(1.25, abs=0.05)
    (outlier,) = one.findall(f"{space}circle")
    assert value(float(outlier.get("cy", 0))) == pytest.approx(20, abs=0.05)
    assert "median 5.00" in (three.findtext(f"{space}title") or "")
    assert "&lt;one&gt;" in picture


def test_names_neither_meet_nor_leave_the_picture() -> None:
    long = "a model whose name is as long as names of models of one's own may well be" * 2
    groups = {name: {long: [1.0], "two": [2.0]} for name in ("the left \1 guitar", "vocals", "x")}
    root = ElementTree.fromstring(box_plot("SDR", "dB", groups))
    space = "{http://www.w3.org/2000/svg}"
    width = float(root.get("viewBox", "").split()[2])
    texts = [(each.text or "", each) for each in root.iter(f"{space}text")]
    stems = [each for each in texts if each[0] in groups or "guitar" in each[0]]
    ends = [
        (float(each.get("x", 0)) - 4 * len(text), float(each.get("x", 0)) + 4 * len(text))
        for text, each in stems
    ]
    assert len(ends) == 3
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(ends))
    assert ends[-1][1] <= width
    (name,) = (each for text, each in texts if text == long)
    assert float(name.get("x", 0)) + 7 * len(long) <= width


def test_a_picture_of_nothing_is_one() -> None:
    ElementTree.fromstring(box_plot("nothing", "dB", {"bass": {"one": []}}))
    ElementTree.fromstring(box_plot("nothing", "dB", {}))


def test_a_flat_box_is_seen_too() -> None:
    """The line of a median has the colour of the background."""
    picture = box_plot("SDR", "dB", {"bass": {"one": [5.0], "two": [0.0, 10.0]}})
    space = "{http://www.w3.org/2000/svg}"
    one, two = ElementTree.fromstring(picture).findall(f"{space}g")
    box = one.find(f"{space}rect")
    assert box is not None
    assert float(box.get("height", 0)) >= 4
    assert [line.get("class") for line in one.findall(f"{space}line")].count("median") == 0
    assert [line.get("class") for line in two.findall(f"{space}line")].count("median") == 1
