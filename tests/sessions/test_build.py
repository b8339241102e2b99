"""Songs laid out by templates: which tracks there are, and that what is heard is the mix."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from session_songs import peak_db
from stemmed_songs import FOUR, RATE, heard, names, samples, song_in, track_named

from stemlift.errors import Reason, StemliftError
from stemlift.sessions import (
    add_song,
    load_template,
    new_session,
    show,
    template_names,
)
from stemlift.sessions.build import build_session, placed
from stemlift.sessions.checks import mono_change, mono_notes
from stemlift.sessions.song import Song, Stem
from stemlift.sessions.templates.template import Template
from stemlift.sessions.timeline import (
    Equalizer,
    Media,
    walk,
)


@pytest.mark.parametrize("name", ["plain", "remix", "sampling", "stem-mastering"])
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_what_is_heard_of_a_template_is_the_song(tmp_path: Path, name: str, rate: int) -> None:
    song = song_in(tmp_path, "song", rate // 3 + 5, rate=rate)
    made = new_session(song, tmp_path / "s.rpp", template=name, tempo="off", markers="off")
    assert made.session.sample_rate == rate
    mix = samples(song)
    sound = heard(made.path, len(mix) / rate)
    assert peak_db(sound - mix) <= -120
    assert peak_db(mix) > -20


def test_two_songs_and_their_order_on_the_same_tracks(tmp_path: Path) -> None:
    one = song_in(tmp_path, "one", RATE + 77)
    two = song_in(tmp_path, "two", RATE // 2, stems=("vocals", "bass"))
    session = build_session([one, two], load_template("plain"), name="set")
    assert names(session) == ["Original", "Drums", "Bass", "Other", "Vocals"]
    assert [(m.name, m.position, m.length) for m in session.markers] == [
        ("one", 0, Fraction(RATE + 77, RATE)),
        ("two", 4, Fraction(1, 2)),
    ]
    assert [len(track.clips) for track in session.tracks] == [2, 1, 2, 1, 2]
    new_session([one, two], tmp_path / "set.rpp")
    sound = heard(tmp_path / "set.rpp", 5.0)
    expected = np.zeros_like(sound)
    for song, at in ((one, 0), (two, 4 * RATE)):
        mix = samples(song)
        expected[at : at + len(mix)] += mix
    assert peak_db(sound - expected) <= -120


def test_songs_begin_on_whole_seconds_and_leave_the_gap() -> None:
    media = Media(Path("a.wav"), 48_000, 2, 48_001)
    songs = [Song(str(n), (Stem("vocals", media),)) for n in range(3)]
    assert [p.position for p in placed(songs)] == [0, 4, 8]
    assert [p.position for p in placed(songs, gap=Fraction(0))] == [0, 2, 4]


def test_a_range_of_a_song_lies_beside_that_range_of_it(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 3_000)
    cut_stems = []
    for stem in song.stems:
        path = tmp_path / f"cut {stem.name}.wav"
        data = soundfile.read(stem.media.file, dtype="float64")[0][1_000:1_500]
        soundfile.write(path, data, RATE, subtype="FLOAT")
        cut_stems.append(Stem(stem.name, Media(path, RATE, 2, 500)))
    part = replace(song, stems=tuple(cut_stems), start=Fraction(1_000, RATE))
    session = build_session([part], load_template("plain"), name="s")
    (original,) = track_named(session, "Original").clips
    assert (original.source_start, original.length) == (
        Fraction(1_000, RATE),
        Fraction(500, RATE),
    )
    new_session(part, tmp_path / "s.rpp")
    sound = heard(tmp_path / "s.rpp", 500 / RATE)
    assert peak_db(sound - samples(song)[1_000:1_500]) <= -120


def test_the_folders_of_a_template(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 100, stems=("drums", "vocals", "other"))
    session = build_session([song], load_template("stem-mastering"), name="s")
    assert names(session) == [
        "Reference",
        "Master bus",
        "  Rhythm bus",
        "    Drums",
        "  Music bus",
        "    Other",
        "  Voice bus",
        "    Vocals",
    ]
    assert track_named(session, "Reference").mute


def test_the_stem_that_is_replaced_has_an_empty_track_beside_it(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 100)
    session = build_session([song], load_template("remix"), name="s", focus="bass")
    assert names(session)[1:3] == ["Bass (replaced)", "New bass"]
    assert track_named(session, "Bass (replaced)").mute
    assert not track_named(session, "New bass").clips
    bass = [c for c in session.clips if c.file == song.stems[1].media.file]
    assert len(bass) == 1
    without = build_session([song], load_template("remix"), name="s")
    assert "New bass" not in names(without)
    with pytest.raises(StemliftError) as caught:
        build_session([song], load_template("remix"), name="s", focus="piano")
    assert caught.value.reason is Reason.STEM_UNKNOWN
    assert "drums, bass, other, vocals" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "stems", "muted", "audible"),
    [
        ("karaoke", ("vocals", "instrumental"), ["Guide vocals"], ["Instrumental"]),
        ("acapella", ("vocals", "instrumental"), ["Instrumental"], ["A cappella"]),
        ("practice", FOUR, ["Drums (muted)"], ["Bass", "Other", "Vocals"]),
        ("fix", ("vocals", "remainder"), [], ["Vocals (to mend)", "All but vocals"]),
    ],
)
def test_what_is_muted(
    tmp_path: Path, name: str, stems: tuple[str, ...], muted: list[str], audible: list[str]
) -> None:
    song = song_in(tmp_path, "song", 100, stems=stems)
    session = build_session([song], load_template(name), name="s")
    tracks = [t for _, t in walk(session.tracks) if t.clips and t.name != "Original"]
    assert [t.name for t in tracks if t.mute] == muted
    assert [t.name for t in tracks if not t.mute] == audible


@pytest.mark.parametrize("name", sorted(template_names()))
def test_chains_are_bypassed_until_they_are_wanted_and_say_what_they_are(
    tmp_path: Path, name: str
) -> None:
    template = load_template(name)
    song = song_in(tmp_path, "song", 100, stems=template.asked(template.focus) or FOUR)
    for chains in (False, True):
        session = build_session([song], template, name="s", chains=chains)
        effects = [effect for _, track in walk(session.tracks) for effect in track.effects]
        assert all(effect.enabled is chains for effect in effects)
        assert all("starting point" in effect.name for effect in effects)
        assert bool(effects) == (template.chains == "standard")


def test_the_low_cut_of_the_voice_is_written(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 100)
    new_session(
        song, tmp_path / "s.rpp", template="mashup", chains=True, tempo="off", markers="off"
    )
    equalizer, compressor = track_named(show(tmp_path / "s.rpp"), "Vocals").effects
    assert isinstance(equalizer, Equalizer)
    assert equalizer.enabled
    assert equalizer.bands[0].frequency == 80
    assert compressor.enabled


def test_a_bass_that_mono_takes_away_is_told_of(tmp_path: Path) -> None:
    time = np.arange(200_000) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 60 * time)
    stems = []
    for name, sides, expected in (
        ("bass", (tone, -0.5 * tone), 10 * np.log10(0.25 / 2.5)),
        ("vocals", (tone, tone), 0.0),
    ):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, np.stack(sides, axis=1), RATE, subtype="PCM_24")
        assert mono_change(path) == pytest.approx(expected, abs=0.01)
        stems.append(Stem(name, Media(path, RATE, 2, len(time))))
    song = Song("Song", tuple(stems))
    (note,) = mono_notes([song], load_template("remix"), "")
    assert note.startswith("Bass of Song is 10.0 dB weaker in mono")
    made = new_session(song, tmp_path / "s.rpp", template="remix", tempo="off", markers="off")
    assert made.notes == (note,)


@pytest.mark.parametrize("name", ["practice", "stem-mastering"])
def test_the_same_session_as_a_dawproject(tmp_path: Path, name: str) -> None:
    song = song_in(tmp_path, "it's", 1_000)
    options = {"template": name, "tempo": 101.5, "markers": "off", "chains": True}
    made = new_session([song, song], tmp_path / "s.dawproject", **options)
    back = show(tmp_path / "s.dawproject")
    assert names(back) == names(made.session)
    assert [clip.file for clip in back.clips] == [clip.file for clip in made.session.clips]
    assert [t.mute for _, t in walk(back.tracks)] == [t.mute for _, t in walk(made.session.tracks)]
    inside = new_session(song, tmp_path / "in.dawproject", embed=True, **options)
    assert inside.path.stat().st_size > 5 * 8_000
    with pytest.raises(StemliftError) as caught:
        new_session(song, tmp_path / "in.rpp", embed=True)
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    add_song(tmp_path / "s.dawproject", song, template="plain")
    assert len(show(tmp_path / "s.dawproject").tracks) == len(made.session.tracks) + 1


def test_what_ardour_plays_is_in_its_session(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 1_000)
    options = {"template": "stem-mastering", "tempo": 100.0, "markers": "off"}
    made = new_session(song, tmp_path / "s.ardour", **options)
    assert names(made.session)[:2] == ["Reference", "Master bus"]
    assert (tmp_path / "s.ardour").is_dir()
    # An mp3 of it Ardour would have to import; its stems are there without it.
    assert song.mix is not None
    mp3 = replace(song.mix, file=song.mix.file.with_suffix(".mp3"))
    soundfile.write(mp3.file, samples(song), RATE, format="MP3")
    made = new_session(replace(song, mix=mp3), tmp_path / "t.ardour", **options)
    assert names(made.session)[0] == "Master bus"
    assert any("mix.mp3 is not in the session" in note for note in made.notes)
    soundfile.write(tmp_path / "other.wav", np.zeros((100, 2)), 48_000)
    with pytest.raises(StemliftError) as caught:
        new_session([song.mix.file, tmp_path / "other.wav"], tmp_path / "u.ardour")
    assert caught.value.reason is Reason.RATE_UNSUPPORTED
    with pytest.raises(StemliftError) as caught:
        show(tmp_path / "s.ardour")
    assert caught.value.reason is Reason.ARGUMENT_INVALID


def test_stems_that_went_missing_leave_no_session(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 100)
    song.stems[2].media.file.unlink()
    with pytest.raises(StemliftError) as caught:
        new_session(song, tmp_path / "s.rpp")
    assert caught.value.reason is Reason.MEDIA_MISSING
    assert not (tmp_path / "s.rpp").exists()


def test_what_cannot_be_is_said_before_any_work(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 100)
    (tmp_path / "there.rpp").write_text("mine")
    for path, options, reason in (
        ("there.rpp", {}, Reason.SESSION_EXISTS),
        ("s.wav", {}, Reason.ARGUMENT_INVALID),
        ("s.rpp", {"template": "none"}, Reason.TEMPLATE_INVALID),
        ("s.rpp", {"tempo": 5.0}, Reason.ARGUMENT_INVALID),
        ("s.rpp", {"tempo": float("nan")}, Reason.ARGUMENT_INVALID),
        ("s.rpp", {"markers": "on"}, Reason.ARGUMENT_INVALID),
        ("s.rpp", {"gap": -1.0}, Reason.ARGUMENT_INVALID),
        ("s.rpp", {"focus": "kazoo"}, Reason.STEM_UNKNOWN),
    ):
        with pytest.raises(StemliftError) as caught:
            new_session(song, tmp_path / path, **options)
        assert caught.value.reason is reason, (path, options)
    with pytest.raises(StemliftError):
        new_session([], tmp_path / "s.rpp")
    assert (tmp_path / "there.rpp").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["song", "there.rpp"]


@pytest.mark.parametrize("option", [{"stems": ["drums"]}, {"start": 0.0}, {"duration": 1.0}])
def test_a_part_of_stems_that_exist_is_not_asked_for_in_vain(
    tmp_path: Path, option: dict[str, Any]
) -> None:
    song = song_in(tmp_path, "song", 100)
    with pytest.raises(StemliftError) as caught:
        new_session(song, tmp_path / "s.rpp", **option)
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert next(iter(option)) in caught.value.message
    assert not (tmp_path / "s.rpp").exists()


def test_a_mix_is_mended_with_stems_that_exist(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", RATE)
    made = new_session(song, tmp_path / "s.rpp", template="fix", focus="drums")
    assert names(made.session)[:2] == ["Original", "Drums (to mend)"]
    assert peak_db(heard(made.path, 1.0) - samples(song)) <= -120


def test_a_template_made_in_python_serves_too(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 100)
    template = Template.model_validate({"track": [{"stem": "*", "gain_db": -6}]})
    session = new_session(song, tmp_path / "s.rpp", template=template).session
    assert [track.gain_db for track in session.tracks] == [-6] * 4


def test_importing_sessions_loads_neither_grpc_nor_decoders() -> None:
    import subprocess

    code = (
        "import sys, stemlift.sessions, stemlift.sessions.timeline; "
        "print([m for m in ('grpc', 'pydantic', 'numpy', 'torch', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
