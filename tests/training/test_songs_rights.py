"""What songs are made of is listed, free, and says so where it was got."""

from __future__ import annotations

import ctypes.util
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from stemlift.cli.main import main
from stemlift.errors import Reason, StemliftError
from stemlift.training import export
from stemlift.training.recipe import Data, Recipe
from stemlift.training.songs import choir, fluidsynth, rendering, rights, voice_bank, voices
from stemlift.training.songs.rights import Ingredient, Split

SPLITS: tuple[Split, ...] = get_args(Split)
EVERY = (*rights.SOUNDFONTS, *rights.VOICES, *rights.OWN, *rights.TOOLS)

NOTICE_ONLY = {"MIT", "MIT-Festival", "CC0-1.0", "BSD-3-Clause", "0BSD", "Zlib"}
"""Free licences that ask of a copy no more than a notice, or nothing."""

COPYLEFT = {
    "GPL-2.0-or-later",
    "GPL-3.0-or-later",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
}

STATED = {
    "MIT": "Permission is hereby granted, free of charge, to any person",
    "MIT-Festival": "Permission is hereby granted, free of charge, to use and distribute",
    "CC0-1.0": "CC0",
    "BSD-3-Clause": "Redistribution and use in source and binary forms",
    "GPL-2.0-or-later": "General Public License",
    "GPL-3.0-or-later": "version 3",
    "LGPL-2.0-or-later": "Lesser General Public License",
    "LGPL-2.1-only": "version 2.1",
    "LGPL-2.1-or-later": "version 2.1",
}
"""Words of each licence in the copyright file of a package that is under it."""


def _licences(entry: Ingredient) -> set[str]:
    return set(entry.licence.split(" AND "))


def test_every_ingredient_is_free_and_listed_once() -> None:
    assert len({entry.name for entry in EVERY}) == len(EVERY)
    for entry in EVERY:
        assert _licences(entry) <= NOTICE_ONLY | COPYLEFT, entry.name
        assert entry.what.endswith(".")
        assert entry.origin.endswith(".")
        assert set(entry.splits) <= set(SPLITS)
        assert entry.splits


def test_what_is_learnt_from_asks_for_a_notice_only_with_one_exception_that_is_weighed() -> None:
    under_copyleft = [e for e in rights.ingredients("train") if _licences(e) & COPYLEFT]
    assert [entry.name for entry in under_copyleft] == ["espeak-ng"]
    assert "No sample of them is in a song" in under_copyleft[0].note


def test_every_voice_is_an_ingredient_of_its_split() -> None:
    for voice in voices.catalogue():
        assert voice.rights in (*rights.VOICES, rights.OWN_VOICES), voice.name
        assert voice.split in voice.rights.splits, voice.name
        assert voice.rights.package == voice.package
    for entry in (*rights.VOICES, rights.OWN_VOICES):
        sung = {voice.split for voice in voices.catalogue() if voice.rights is entry}
        assert sung == set(entry.splits), entry.name


def test_a_bank_keeps_no_sample_of_what_was_said() -> None:
    """What the note on recorded consonants rests on: measurements at 200 a second, in bands."""
    assert 1 / voice_bank.FRAME_S == 200
    assert voice_bank.BANDS + voice_bank.BREATHS < 128
    fields = set(voice_bank.Bank.__dataclass_fields__)
    assert fields == {"name", "level_db", "breath", "hertz", "syllables"}


def test_training_and_judging_never_share_a_soundfont() -> None:
    for font in rights.SOUNDFONTS:
        assert ("train" in font.splits) != ("test" in font.splits)
    for split in SPLITS:
        used = rights.ingredients(split)
        assert sum(font in used for font in rights.SOUNDFONTS) == 1


@pytest.mark.parametrize("entry", [e for e in EVERY if e.package], ids=lambda entry: entry.package)
def test_the_package_says_what_is_said_here(entry: Ingredient) -> None:
    told = Path("/usr/share/doc") / entry.package / "copyright"
    if not told.is_file():
        pytest.skip(f"{entry.package} is not installed")
    words = re.sub(r"\s+(\. )?", " ", told.read_text(encoding="utf-8", errors="replace"))
    for licence in _licences(entry):
        assert STATED[licence].casefold() in words.casefold(), licence


def test_the_card_of_weights_has_the_ingredients_and_what_to_know_of_them() -> None:
    data = Data(songs=(Path("songs"),))
    card = export.card_of(Recipe(name="any", licence="MIT", data=data), [], 1, 2)
    for entry in rights.ingredients("train"):
        assert f"| {entry.name} | {entry.licence} | {entry.what} |\n" in card
    (noted,) = [entry for entry in rights.ingredients("train") if entry.note]
    assert f"\nOn {noted.name}: {noted.note}\n" in card
    alone = export.card_of(Recipe(name="any"), [], 1, 2)
    assert noted.name not in alone


def test_packages_are_those_of_the_splits() -> None:
    learnt, measured = rights.packages("train"), rights.packages("valid", "test")
    assert {"fluid-soundfont-gm", "espeak-ng", "flite", "festvox-ru"} <= set(learnt)
    assert not any("musescore" in name or "czech" in name for name in learnt)
    assert "musescore-general-soundfont-lossless" in measured
    assert set(rights.packages(*SPLITS)) == {*learnt, *measured}


def test_a_missing_soundfont_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tuple(replace(font, files=(Path("/nowhere/x.sf2"),)) for font in rights.SOUNDFONTS)
    monkeypatch.setattr(rights, "SOUNDFONTS", gone)
    order = rendering.Order(tmp_path / "songs", "train", 1, 4.0, tmp_path / "voices")
    with pytest.raises(StemliftError) as caught:
        rendering.write(order, 0)
    assert caught.value.reason is Reason.TRAINING_UNAVAILABLE
    assert "fluid-soundfont-gm" in caught.value.remedy
    assert not list(tmp_path.rglob("*.npy"))


def test_what_is_missing_is_told_before_anybody_speaks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rendering, "library", lambda: None)
    recipe, songs = tmp_path / "any.toml", tmp_path / "songs"
    recipe.write_text('name = "any"\n[songs]\ntrain = 1\nvalid = 0\ntest = 0\n', encoding="utf-8")
    gone = tuple(replace(font, files=(Path("/nowhere/x.sf2"),)) for font in rights.SOUNDFONTS)
    with monkeypatch.context() as without:
        without.setattr(rights, "SOUNDFONTS", gone)
        assert main(["train", "songs", str(recipe), "--out", str(songs)]) == 2
    assert "apt-get install fluid-soundfont-gm" in capsys.readouterr().err
    there = tuple(replace(font, files=(recipe,)) for font in rights.SOUNDFONTS)
    monkeypatch.setattr(rights, "SOUNDFONTS", there)
    monkeypatch.setitem(sys.modules, "pyworld", None)
    assert main(["train", "songs", str(recipe), "--out", str(songs)]) == 2
    assert "stemlift[train]" in capsys.readouterr().err
    assert not songs.exists()


def test_a_missing_player_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"lib{name}-of-nobody.so")
    with pytest.raises(StemliftError) as caught:
        fluidsynth.library()
    assert caught.value.reason is Reason.TRAINING_UNAVAILABLE
    assert "fluidsynth" in caught.value.remedy


@pytest.mark.parametrize("engine", ["espeak", "flite", "festival"])
def test_a_missing_voice_says_what_to_install(
    engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    voice = next(each for each in voices.voices_of("train") if each.engine == engine)
    there, refused = choir.prepare(tmp_path, [voice])
    assert there == []
    (error,) = refused
    assert error.reason is Reason.TRAINING_UNAVAILABLE
    assert voice.package in error.remedy


def test_without_pyworld_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(StemliftError) as caught:
        voice_bank.take_apart(voice_bank.band_hz(1000), 16_000, voice_bank.WORD)
    assert caught.value.reason is Reason.TRAINING_UNAVAILABLE
    assert "stemlift[train]" in caught.value.remedy
