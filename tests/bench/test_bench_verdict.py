"""Which setting is named, and when none is."""

from __future__ import annotations

import pytest

from stemlift.bench.trials import AUTO, BF16, FIRST_SECONDS, Bench, Setting, Trial, settings_for
from stemlift.bench.verdict import advise, best, measured
from stemlift.rpc.model_results import ModelInfo

RATE = 44_100
TWO = Setting("auto", 2)


def trial(setting: Setting, speed: float, *, loading: bool = False) -> Trial:
    return Trial(setting, 10.0, 10.0 / speed, "fp32", "cpu", 1000, (), loading)


def test_what_loads_the_model_says_nothing_of_speed() -> None:
    trials = [trial(AUTO, 0.5, loading=True), trial(AUTO, 4.0), trial(TWO, 4.1)]
    assert measured(trials).speed == 4.0
    # A gain of two hundredths is no gain.
    assert best(trials).setting == AUTO
    advice = advise({"one": trials})
    assert advice.settings == ()
    assert "no setting is needed" in advice.sentences[0]


def test_a_faster_batch_becomes_a_line_and_a_sentence() -> None:
    trials = [trial(AUTO, 0.5, loading=True), trial(AUTO, 4.0), trial(TWO, 5.0)]
    assert best(trials).setting == TWO
    advice = advise({"one": trials})
    assert advice.settings == ("batch = 2",)
    assert advice.sentences[0].startswith("one: auto, batch 2 is 1.25 times as fast")


def test_a_setting_that_slows_another_model_down_is_not_written() -> None:
    fast = [trial(AUTO, 4.0), trial(TWO, 5.0)]
    advice = advise({"one": fast, "two": [trial(AUTO, 4.0), trial(TWO, 3.0)]})
    assert advice.settings == ()
    assert "No setting is best for all" in advice.sentences[-1]
    # One that was not tried on a model may slow it down as well.
    assert advise({"one": fast, "two": [trial(AUTO, 4.0)]}).settings == ()


def test_bf16_is_told_of_and_never_advised() -> None:
    trials = [trial(AUTO, 4.0), trial(BF16, 8.0)]
    assert best(trials).setting == AUTO
    advice = advise({"one": trials})
    assert advice.settings == ()
    assert "one: bf16 is 2.00 times as fast" in advice.sentences[0]


def test_a_slow_model_has_one_figure_with_its_loading_in_it() -> None:
    trials = [trial(AUTO, 0.1, loading=True)]
    assert measured(trials).loading
    assert best(trials) is trials[0]
    assert advise({"one": trials}).settings == ()


def test_a_setting_must_win_every_time() -> None:
    lucky = [trial(AUTO, 4.0), trial(TWO, 8.0), trial(AUTO, 5.0), trial(TWO, 5.1)]
    assert measured(lucky).speed == 5.0
    assert best(lucky).setting == AUTO
    assert advise({"one": lucky}).settings == ()
    steady = [trial(AUTO, 4.0), trial(TWO, 8.0), trial(AUTO, 5.0), trial(TWO, 6.0)]
    assert "1.20 times as fast" in advise({"one": steady}).sentences[0]


def test_nothing_is_said_of_settings_that_were_not_tried() -> None:
    assert advise({}) == advise({"one": []})
    assert advise({}).sentences == ()
    slow = advise({"slow": [trial(AUTO, 0.1, loading=True)]}).sentences
    assert len(slow) == 1
    assert "slow: time was up" in slow[0]


class Pretended(Bench):
    """A machine on which a job takes a while whatever its length, and every setting the same."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def _run(
        self, model: ModelInfo, setting: Setting, seconds: int, *, loading: bool = False
    ) -> Trial:
        took = 0.5 + 0.02 * seconds + 2.0 * loading
        return Trial(setting, float(seconds), took, "fp32", "cpu", 1000, (), loading)


@pytest.mark.parametrize("seconds", [1.0, 3.0, 4.0, 6.0, 15.0, 60.0])
def test_settings_are_compared_on_sounds_of_one_length(seconds: float) -> None:
    model = ModelInfo("one", "", (), RATE, True, 0, (), "", False, False)
    shares: list[float] = []
    trials = list(Pretended(seconds).trials(model, lambda _, share: shares.append(share)))
    assert trials[0].loading
    assert len({each.sound_s for each in trials[1:] if each.setting != BF16}) <= 1
    assert best(trials) is measured(trials)
    assert advise({"one": trials}).settings == ()
    assert shares == sorted(shares)
    assert sum(each.elapsed_s for each in trials) < 1.5 * seconds + trials[0].elapsed_s


def test_every_device_tries_batches_before_precisions() -> None:
    for device in ("cpu", "cuda:0", "mps"):
        tried = settings_for(device)
        assert [setting.batch > 0 for setting in tried] == sorted(
            (setting.batch > 0 for setting in tried), reverse=True
        )
        assert tried[-1] == BF16
    assert FIRST_SECONDS > 0
