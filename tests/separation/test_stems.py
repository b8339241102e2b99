"""Which stems are written, and which of them sum to the mix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemlift.errors import Reason, StemliftError
from stemlift.separation.options import RemainderPolicy
from stemlift.separation.remainder import arithmetic_for, complete_stems
from stemlift.separation.stems import available_stems, plan_stems

FOUR = ("drums", "bass", "other", "vocals")
TWO = ("vocals", "instrumental")
NO_OTHER = ("vocals", "drums")

policies = st.sampled_from(list(RemainderPolicy))


def output(plan, mix, bits, seed=0):
    """A model's output that is far from summing to the mix, and the stems made of it."""
    rng = np.random.default_rng(seed)
    full = 1.0 if bits is None else 2.0 ** (bits - 1)
    model = rng.uniform(-0.4, 0.4, (len(mix), len(plan.model_stems), mix.shape[1]))
    model = model.astype(np.float32)
    return complete_stems(plan, mix, model, arithmetic_for(bits)), model, full


@given(model=st.sampled_from([FOUR, TWO, NO_OTHER]), policy=policies, data=st.data())
@settings(max_examples=200, deadline=None)
def test_what_should_sum_does_exactly(model, policy, data):
    asked = tuple(data.draw(st.lists(st.sampled_from(available_stems(model)), unique=True)))
    if "remainder" in asked and policy is RemainderPolicy.OFF:
        with pytest.raises(StemliftError, match="remainder"):
            plan_stems(model, asked, policy, "m")
        return
    plan = plan_stems(model, asked, policy, "m")
    mix = np.random.default_rng(1).integers(-(2**22), 2**22, (500, 2)).astype(np.int32)
    stems, _, _ = output(plan, mix, 24)
    assert tuple(stems) == plan.written
    assert set(asked or model) <= set(plan.written)
    if plan.summing and policy is not RemainderPolicy.OFF:
        assert np.array_equal(sum(stems[name] for name in plan.summing), mix)
    if policy is RemainderPolicy.SEPARATE and set(plan.written) != {"remainder"}:
        assert "remainder" in plan.summing


@given(policy=policies, asked=st.lists(st.sampled_from(FOUR), unique=True, min_size=1))
@settings(max_examples=60, deadline=None)
def test_bytes_do_not_depend_on_which_others_were_asked_for(policy, asked):
    mix = np.random.default_rng(2).integers(-(2**22), 2**22, (300, 2)).astype(np.int32)
    whole, _, _ = output(plan_stems(FOUR, (), policy, "m"), mix, 24)
    some, _, _ = output(plan_stems(FOUR, tuple(asked), policy, "m"), mix, 24)
    for name in asked:
        assert np.array_equal(whole[name], some[name])


def test_default_is_every_stem_with_the_rest_in_other():
    plan = plan_stems(FOUR, (), RemainderPolicy.OTHER, "m")
    assert plan.written == FOUR
    assert plan.carrier == "other"
    assert plan.summing == FOUR


def test_a_model_without_other_gets_a_remainder():
    plan = plan_stems(NO_OTHER, (), RemainderPolicy.OTHER, "m")
    assert plan.written == ("vocals", "drums", "remainder")
    assert plan.summing == ("vocals", "drums", "remainder")


def test_one_stem_needs_one_stem():
    assert plan_stems(FOUR, ("vocals",), RemainderPolicy.OTHER, "m").needed == ("vocals",)
    assert plan_stems(FOUR, ("instrumental",), RemainderPolicy.OTHER, "m").needed == ("vocals",)


def test_instrumental_is_mix_minus_vocals():
    plan = plan_stems(FOUR, ("vocals", "drums", "instrumental"), RemainderPolicy.OTHER, "m")
    mix = np.random.default_rng(3).integers(-(2**22), 2**22, (100, 1)).astype(np.int32)
    stems, _, _ = output(plan, mix, 24)
    assert np.array_equal(stems["instrumental"], mix - stems["vocals"])
    assert plan.summing == ("vocals", "instrumental")


def test_off_gives_the_bare_output():
    plan = plan_stems(FOUR, (), RemainderPolicy.OFF, "m")
    mix = np.zeros((50, 2), np.float32)
    stems, model, _ = output(plan, mix, None)
    for index, name in enumerate(FOUR):
        assert np.array_equal(stems[name], model[:, index])


def test_float_remainder_nulls():
    plan = plan_stems(FOUR, (), RemainderPolicy.OTHER, "m")
    mix = np.random.default_rng(4).uniform(-8, 8, (4000, 2)).astype(np.float32)
    stems, _, _ = output(plan, mix, None)
    rest = mix.astype(np.float64) - sum(stem.astype(np.float64) for stem in stems.values())
    assert 20 * np.log10(np.abs(rest).max() / np.abs(mix).max()) <= -120


def test_the_remainder_alone_is_what_no_stem_took():
    plan = plan_stems(FOUR, ("remainder",), RemainderPolicy.SEPARATE, "m")
    mix = np.random.default_rng(6).integers(-(2**22), 2**22, (100, 2)).astype(np.int32)
    stems, model, full = output(plan, mix, 24)
    kept = np.rint(model.astype(np.float64) * full).astype(np.int64).sum(axis=1)
    assert np.array_equal(stems["remainder"], mix - kept)
    assert plan.summing == ()


def test_unknown_stem_names_the_known():
    with pytest.raises(StemliftError) as caught:
        plan_stems(FOUR, ("guitar",), RemainderPolicy.OTHER, "m")
    assert caught.value.reason is Reason.STEM_UNKNOWN
    assert "instrumental" in caught.value.remedy
