"""Templates: those that come with Stemlift, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.templates import load_template, template_names
from stemlift.sessions.templates.effects import Compressor, Equalizer
from stemlift.sessions.templates.loading import LARGEST, standard_chains

STARTERS = {
    *("plain", "remix", "karaoke", "practice", "stem-mastering"),
    *("sampling", "mashup", "fix", "acapella"),
}

ROUND = """
track = [{ stem = "a" }]
folder = [{ name = "A", folder = "B" }, { name = "B", folder = "A" }]
"""
BAND = """
[[track]]
stem = "a"
effects = [{ kind = "equalizer", bands = [{ kind = "bell" }] }]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "t.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path | str) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        load_template(path)
    assert caught.value.reason is Reason.TEMPLATE_INVALID
    assert caught.value.exit_code == 2
    return caught.value


def test_every_starter_can_be_loaded_and_says_what_it_is_for() -> None:
    assert set(template_names()) >= STARTERS
    for name in template_names():
        template = load_template(name)
        assert template.name == name
        assert template.about.endswith(".")
        # Else the stems and the song would be heard on top of each other.
        assert all(track.mute for track in template.track if track.plays == "mix")


def test_the_standard_chain_of_each_stem_is_gentle() -> None:
    chains = standard_chains()
    assert {"vocals", "drums", "bass", "other", "guitar", "piano"} <= set(chains)
    for chain in chains.values():
        equalizer, compressor = chain
        assert isinstance(equalizer, Equalizer)
        assert isinstance(compressor, Compressor)
        assert compressor.ratio <= 4
        assert compressor.makeup_db == 0
        assert all(abs(band.gain_db) <= 2 for band in equalizer.bands)
    vocals = chains["vocals"][0]
    assert isinstance(vocals, Equalizer)
    assert (vocals.bands[0].kind, vocals.bands[0].frequency) == ("low_cut", 80)


def test_the_template_of_the_readers_own_says_all_that_it_can(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\ufeff
about = "Mine."
stems = ["vocals", "{focus}", "vocals"]
focus = "bass"
tempo = "auto"

[[folder]]
name = "Bus"
gain_db = -1.5
effects = [{ kind = "compressor", threshold_db = -20, ratio = 2, attack_ms = 30 }]

[[track]]
stem = "vocals"
name = "Lead"
colour = "#E05e8a"
folder = "Bus"
pan = -0.5
mute = true

[[track.effects]]
kind = "equalizer"
bands = [{ kind = "low_cut", frequency = 90 }, { kind = "bell", frequency = 1e3, gain_db = 2 }]

[[track]]
plays = "click"
""",
    )
    template = load_template(path)
    assert template.name == "t"
    assert template.asked("bass") == ("vocals", "bass")
    assert template.asked("") == ("vocals",)
    lead, click = template.track
    assert (lead.name, lead.rgb, lead.pan, lead.mute) == ("Lead", (0xE0, 0x5E, 0x8A), -0.5, True)
    (equalizer,) = lead.effects
    assert isinstance(equalizer, Equalizer)
    assert [band.frequency for band in equalizer.bands] == [90, 1000]
    assert click.plays == "click"
    assert template.folder[0].gain_db == -1.5


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[track]]\nstem = "a"\ncolor = "#ffffff"', "track 1, color: there is no such key"),
        ('[[track]]\nstem = "a"\n[[track]]\nstem = "b"\ngain_db = "x"', "track 2, gain_db"),
        ('[[track]]\nstem = "a"\ngain_db = nan', "track 1, gain_db"),
        ('[[track]]\nstem = "a"\npan = 2', "track 1, pan"),
        ('[[track]]\nstem = "a"\ncolour = "red"', "track 1, colour: it is no colour"),
        ('[[track]]\nstem = "a"\nplays = "mix"', "track 1: it needs either stem or plays"),
        ('[[track]]\nname = "a"', "track 1: it needs either stem or plays"),
        ('[[track]]\nplays = "nothing"', "an empty track needs a name"),
        ('[[track]]\nplays = "mix"\ncheck = "mono"', "only a stem can be checked"),
        ('[[track]]\nstem = "a"\nfolder = "B"', "there is no [[folder]] named 'B'"),
        ('[[folder]]\nname = "A"\n[[folder]]\nname = "A"\n[[track]]\nstem = "a"', "two folders"),
        (ROUND, "lies in itself"),
        ('[[track]]\nstem = "*"\n[[track]]\nstem = "*"', "only one track"),
        ('[[track]]\nstem = "a"\neffects = [{ kind = "reverb" }]', "effects 1: it needs kind ="),
        (BAND, "track 1, effects 1, bands 1, frequency"),
        ("track = 3", "track"),
        ("", "track: it is not there, and must be"),
        ('stems = "vocals"\n[[track]]\nstem = "*"', "stems: it is no list"),
        ('stems = [""]\n[[track]]\nstem = "*"', "stems 1: it is empty, or has a line break"),
        ('[[track]]\nstem = "a"\neffects = [{}]', "track 1, effects 1: it needs kind ="),
        ("about = ", "Invalid value"),
        ("a = " + "[" * 5000, "t.toml"),
        ("#" + " " * LARGEST, "larger than"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, text)
    error = refusal(path)
    assert problem in error.message
    assert str(path) in error.message
    assert error.remedy


def test_what_is_no_text_and_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_bytes(b'about = "\xff"\n')
    assert "UTF-8" in refusal(path).message
    assert "cannot be read" in refusal(tmp_path / "none.toml").message
    assert "cannot be read" in refusal(tmp_path).message
    assert "cannot be read" in refusal("a\0b.toml").message
    error = refusal("remixx")
    assert "'remixx'" in error.message
    assert "remix" in error.remedy
