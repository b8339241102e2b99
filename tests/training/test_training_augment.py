import math
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stemlift.training.augment import augment, generator_at
from stemlift.training.average import follow, learning_rate
from stemlift.training.loss import separation_loss
from stemlift.training.recipe import Augmentation, Loss, Training

RATE = 44_100
NOTHING = dict.fromkeys(Augmentation.model_fields, 0.0)


def stems(batch: int = 3, samples: int = 4410) -> Tensor:
    noise = np.random.default_rng(4).standard_normal((batch, 4, 2, samples))
    return torch.from_numpy((0.1 * noise).astype(np.float32))


def augmented(given: Tensor, step: int = 0, **shares: float) -> Tensor:
    chosen = Augmentation.model_validate(NOTHING | shares)
    return augment(given, RATE, chosen, generator_at(1, step))


def test_each_step_has_its_own_chances_and_always_the_same() -> None:
    everything = Augmentation()
    one = augment(stems(), RATE, everything, generator_at(1, 5))
    assert torch.equal(one, augment(stems(), RATE, everything, generator_at(1, 5)))
    assert not torch.equal(one, augment(stems(), RATE, everything, generator_at(1, 6)))
    assert not torch.equal(one, augment(stems(), RATE, everything, generator_at(2, 5)))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_what_comes_out_is_finite_and_of_the_same_shape(step: int) -> None:
    every = dict.fromkeys(Augmentation.model_fields, 0.5)
    out = augment(stems(2, 1000), RATE, Augmentation.model_validate(every), generator_at(1, step))
    assert out.shape == (2, 4, 2, 1000)
    assert bool(torch.isfinite(out).all())


def test_silence_stays_silence() -> None:
    every = dict.fromkeys(Augmentation.model_fields, 1.0)
    out = augment(
        torch.zeros(2, 4, 2, 1000), RATE, Augmentation.model_validate(every), generator_at(1, 0)
    )
    assert float(out.abs().max()) == 0.0


def test_levels_are_spread_as_told() -> None:
    given_stems = stems(200, 100)
    out = augmented(given_stems, gain=4.0)
    middle = given_stems.mean(dim=2)
    ratio = out.mean(dim=2).square().mean(dim=-1) / middle.square().mean(dim=-1)
    decibels = 10 * torch.log10(ratio)
    assert float(decibels.std()) == pytest.approx(4.0, abs=0.4)
    assert float(decibels.abs().max()) <= 12.01


def test_a_mono_mix_has_no_side() -> None:
    out = augmented(stems(), mono_mix=1.0)
    assert torch.equal(out[:, :, 0], out[:, :, 1])


def test_one_stem_is_left_of_a_solo() -> None:
    out = augmented(stems(40), solo=1.0)
    sounding = (out.abs().amax(dim=(2, 3)) > 0).sum(dim=1)
    assert sounding.tolist() == [1] * 40
    which = out.abs().amax(dim=(2, 3)).argmax(dim=1)
    assert len(set(which.tolist())) == 4


def test_a_clipped_mix_is_flat_and_still_the_sum_of_its_stems() -> None:
    before = augmented(stems())
    after = augmented(stems(), clip=1.0)
    mix = after.sum(dim=1)
    assert float(mix.abs().max()) < 0.95 * float(before.sum(dim=1).abs().max())
    for example in mix:
        peak = example.abs().max()
        assert int((example.abs() > 0.999 * peak).sum()) > 3


def test_a_limited_band_has_no_highs() -> None:
    out = augmented(stems(8, 44_100), band_limit=1.0)
    spectra = torch.fft.rfft(out).abs().mean(dim=(1, 2))
    for spectrum in spectra:
        assert float(spectrum[18_500:].max()) < 1e-2 * float(spectrum[100:3000].mean())


def test_equalised_stems_keep_their_place() -> None:
    click = torch.zeros(1, 4, 2, 8820)
    click[..., 4000] = 1
    out = augmented(click, equalise=1.0)
    assert out.abs().amax(dim=2).argmax(dim=-1).flatten().tolist() == [4000] * 4
    assert not torch.equal(out, augmented(click))


def test_the_loss_of_truth_is_none() -> None:
    assert float(separation_loss(stems(), stems(), Loss())) == 0.0


def test_the_loss_does_not_hear_the_level() -> None:
    guess = stems() + 0.02 * stems().flip(-1)
    quiet = separation_loss(0.05 * guess, 0.05 * stems(), Loss())
    assert float(quiet) == pytest.approx(float(separation_loss(guess, stems(), Loss())), rel=1e-2)


def test_weights_of_stems_count() -> None:
    guess = stems()
    guess[:, 2] *= 0.5
    plain = Loss(magnitude=0.0)
    heavy = Loss(magnitude=0.0, stems=(1.0, 1.0, 3.0, 1.0))
    ratio = separation_loss(guess, stems(), heavy) / separation_loss(guess, stems(), plain)
    assert float(ratio) == pytest.approx(3.0 / 1.5, rel=1e-4)


def test_errors_count_by_their_energy_where_the_recipe_says_rms() -> None:
    """One loud error is worse than many small ones of the same sum."""
    mix_level = float(stems().sum(dim=1).square().mean().sqrt())
    once, spread = stems(), stems()
    once[..., 0] += 1.0
    spread += 1.0 / stems().shape[-1]
    rms, mean = Loss(magnitude=0.0, wave_error="rms"), Loss(magnitude=0.0)
    for guess in (once, spread):
        off = float((guess - stems()).square().mean().sqrt()) / mix_level
        assert float(separation_loss(guess, stems(), rms)) == pytest.approx(off, rel=0.05, abs=2e-3)
    assert separation_loss(once, stems(), rms) > 10 * separation_loss(spread, stems(), rms)
    assert float(separation_loss(once, stems(), mean)) == pytest.approx(
        float(separation_loss(spread, stems(), mean)), rel=1e-2
    )


@pytest.mark.parametrize("error", ["mean", "rms"])
def test_silence_has_a_slope(error: Literal["mean", "rms"]) -> None:
    guess = torch.zeros(1, 4, 2, 4410, requires_grad=True)
    loss = separation_loss(guess, torch.zeros(1, 4, 2, 4410), Loss(wave_error=error))
    loss.backward()  # type: ignore[no-untyped-call]
    assert guess.grad is not None
    assert bool(torch.isfinite(guess.grad).all())


def test_the_rate_rises_and_falls() -> None:
    told = Training(steps=1000, warm_up=100, rate=1e-2, last_rate=0.1, settle=0.5)
    rates = [learning_rate(told, step) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[99] == pytest.approx(1e-2)
    assert max(rates) == pytest.approx(1e-2)
    assert rates[500] == pytest.approx(1e-2)
    assert rates[750] == pytest.approx(0.55e-2, rel=1e-3)
    assert rates[-1] == pytest.approx(1e-3, rel=2e-2)
    longer = told.model_copy(update={"steps": 1500})
    assert [learning_rate(longer, step) for step in range(501)] == rates[:501]
    assert all(math.isfinite(each) for each in rates)


def test_the_average_follows() -> None:
    one, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    with torch.no_grad():
        for each in one.parameters():
            each.fill_(0.0)
        for each in other.parameters():
            each.fill_(1.0)
    follow(one, other, 0.9, 10_000)
    assert one.weight[0, 0].item() == pytest.approx(0.1)
    follow(one, other, 0.9, 0)
    assert one.weight[0, 0].item() == pytest.approx(0.91)
