from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemlift.demo.recipe import Recipe
from stemlift.demo.song import Rendered, load_recipe, render, render_to
from stemlift.quality.correlation import largest_correlation


@pytest.fixture(scope="module")
def song() -> Rendered:
    return render(load_recipe())


def test_it_is_40_seconds_of_stereo_at_minus_1_dbfs(song: Rendered) -> None:
    assert song.sample_rate == 44100
    assert song.mix.shape == (40 * 44100, 2)
    assert 20 * np.log10(np.abs(song.mix).max()) == pytest.approx(-1.0, abs=0.01)


def test_the_sources_sum_to_the_mix_exactly_in_any_order(song: Rendered) -> None:
    assert list(song.sources) == ["drums", "bass", "other", "vocals"]
    backwards = sum(reversed(song.sources.values()), np.zeros_like(song.mix))
    np.testing.assert_array_equal(backwards, song.mix)


def test_no_source_drowns_and_none_is_another(song: Rendered) -> None:
    levels = [10 * np.log10(np.square(stem).mean()) for stem in song.sources.values()]
    assert max(levels) - min(levels) < 9.0
    assert largest_correlation(song.sources) < 0.1


def test_vocals_and_bass_stand_in_the_centre_and_other_does_not(song: Rendered) -> None:
    def side(stem: np.ndarray) -> float:
        left, right = stem.T
        return float(np.square(left - right).mean() / np.square(left + right).mean())

    assert side(song.sources["bass"]) == 0.0
    assert side(song.sources["vocals"]) < 0.02
    assert side(song.sources["other"]) > 0.1


def short(recipe: Recipe) -> Recipe:
    last = recipe.sections[-1].model_copy(update={"plays": ("kick", "snare", "bass", "keys")})
    return recipe.model_copy(update={"sections": (last,)})


def test_the_same_recipe_gives_the_same_samples_and_another_seed_others() -> None:
    recipe = short(load_recipe())
    first, second = render(recipe), render(recipe)
    np.testing.assert_array_equal(first.mix, second.mix)
    other = render(recipe.model_copy(update={"seed": 12}))
    assert not np.array_equal(first.mix, other.mix)
    assert not first.sources["vocals"].any()


def test_the_file_is_16_bit_and_holds_the_mix(tmp_path: Path) -> None:
    path = tmp_path / "Små timer.wav"
    rendered = render_to(path, short(load_recipe()))
    assert soundfile.info(path).subtype == "PCM_16"
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 44100
    np.testing.assert_allclose(samples / 2**15, rendered.mix, atol=0.5 / 2**15)
