"""Songs laid out by templates: which tracks there are, and that what is heard is the mix."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from analysed_songs import RATE as ANALYSED
from analysed_songs import Plan, play
from analysed_songs import write as write_song
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reaper_sim import Project
from session_songs import Array, parts_of_a_mix, peak_db

from stemlift.errors import Reason, StemliftError
from stemlift.sessions import (
    add_song,
    load_template,
    new_session,
    show,
    song_of_folder,
    template_names,
)
from stemlift.sessions.build import build_session, placed
from stemlift.sessions.checks import mono_change, mono_notes
from stemlift.sessions.click import beats, write_click
from stemlift.sessions.song import Song, Stem
from stemlift.sessions.sources import expanded, name_of
from stemlift.sessions.templates.template import Template
from stemlift.sessions.timeline import (
    Equalizer,
    Marker,
    Media,
    Seconds,
    Session,
    TempoPoint,
    Track,
    checked,
    walk,
)from stemlift.watch.manifest import Manifest, SourceFacts, StemFacts, write_manifest

FOUR = ("drums", "bass", "other", "vocals")
RATE = 44_100


def song_in(folder: Path, name: str, frames: int, *, rate: int = RATE, stems=FOUR) -> Song:
    """A song whose stems add up to it; its mix is a file, too."""
    place = folder / name
    place.mkdir(parents=True)
    mix, parts = parts_of_a_mix(place, rate, frames, stems)
    soundfile.write(place / "mix.wav", mix, rate, subtype="FLOAT")
    media = Media(place / "mix.wav", rate, 2, frames)
    return Song(name, tuple(Stem(stem, parts[stem]) for stem in stems), media)


def samples(song: Song) -> Array:
    assert song.mix is not None
    return soundfile.read(song.mix.file, dtype="float64", always_2d=True)[0]


def heard(path: Path, seconds: float) -> Array:
    project = Project(path, path.parent)
    project.load(path.read_text(encoding="utf-8", errors="surrogateescape"))
    assert project.problems() == []
    return project.render(seconds)


def names(session: Session) -> list[str]:
    return ["  " * depth + track.name for depth, track in walk(session.tracks)]


def track_named(session: Session, name: str) -> Track:
    return next(track for _, track in walk(session.tracks) if track.name == name)


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


def test_tempo_and_markers_of_each_song_lie_at_the_song() -> None:
    media = Media(Path("a.wav"), 48_000, 2, 96_000)
    song = Song(
        "a",
        (Stem("vocals", media),),
        tempo=(TempoPoint(Fraction(1, 10), 100.0), TempoPoint(Fraction(1), 110.0)),
        markers=(Marker(Fraction(1, 2), "B"), Marker(Fraction(9), "behind the end")),
    )
    other = replace(song, name="b", tempo=(TempoPoint(Fraction(0), 90.0, 3, 4),), markers=())
    session = build_session([song, other], load_template("plain"), name="s")
    first, second, filler, last = session.tempo
    assert [(p.position, p.bpm) for p in (first, second)] == [(0, 100.0), (1, 110.0)]
    assert (last.position, last.bpm, last.numerator) == (4, 90.0, 3)
    # 5/3 beats at 100, then 110: the second bar starts at 1 + 7/3 * 60 / 110 = 2.27 s.
    assert filler.position == 1 + Fraction(7, 3) * 60 / 110
    assert [(m.position, m.name) for m in session.markers] == [
        (0, "a"),
        (Fraction(1, 2), "B"),
        (4, "b"),
    ]


def bars_at(session: Session, position: Seconds) -> Fraction:
    """Bars from the last change of signature to a position."""
    points = session.tempo_points()
    turn, meter = points[0].position, (points[0].numerator, points[0].denominator)
    for point in points:
        if point.position > position:
            break
        if point.position < position and (point.numerator, point.denominator) != meter:
            turn, meter = point.position, (point.numerator, point.denominator)
    beats_since = session.beats_at(position) - session.beats_at(turn)
    return Fraction(beats_since) * meter[1] / (4 * meter[0])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(50, 200),
            st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8)]),
            st.integers(100_001, 400_000),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(2, 10),
)
@example([(50.0, (4, 4), 16_001, True), (50.0, (4, 4), 8_000, True)], 0)
def test_every_song_begins_with_a_bar_and_keeps_its_tempo(
    songs: list[tuple[float, tuple[int, int], int, bool]], gap: int
) -> None:
    made = [
        Song(
            str(number),
            (Stem("vocals", Media(Path("a.wav"), 8_000, 2, frames)),),
            tempo=(TempoPoint(Fraction(0), bpm, *meter),) if known else (),
        )
        for number, (bpm, meter, frames, known) in enumerate(songs)
    ]
    seconds = Fraction(gap)
    session = checked(build_session(made, load_template("plain"), name="s", gap=seconds))
    for place in placed(made, gap=seconds):
        if not place.song.tempo:
            continue
        bars = bars_at(session, place.position)
        (at,) = (p for p in session.tempo if p.position == place.position)
        assert (at.bpm, at.numerator) == (place.song.tempo[0].bpm, place.song.tempo[0].numerator)
        # Where there is no room for a bar between two songs, there is none.
        if gap >= 2:
            assert abs(bars - round(bars)) < 1e-6


def test_beats_follow_tempo_and_signature() -> None:
    tempo = (TempoPoint(Fraction(0), 120.0, 3, 4), TempoPoint(Fraction(7, 4), 60.0, 3, 4))
    found = list(beats(tempo, Fraction(4)))
    # 0, .5, 1, 1.5, then half of the fourth beat is left, which takes half a second at 60.
    assert [float(b.position) for b in found] == [0, 0.5, 1, 1.5, 2.25, 3.25]
    assert [b.first for b in found] == [True, False, False, True, False, False]
    eights = list(beats((TempoPoint(Fraction(0), 60.0, 6, 8),), Fraction(7, 2)))
    assert [float(b.position) for b in eights] == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert [b.first for b in eights] == [True] + [False] * 5 + [True]
    change = (TempoPoint(Fraction(0), 60.0, 4, 4), TempoPoint(Fraction(2), 60.0, 3, 4))
    assert [b.first for b in beats(change, Fraction(6))] == [True, False, True, False, False, True]


def test_a_click_is_on_its_frame_also_over_the_edge_of_a_block(tmp_path: Path) -> None:
    rate, seconds = 8_000, 61
    tempo = (TempoPoint(Fraction(0), 60 / 0.9999),)
    media = write_click(tmp_path, "so/ng", tempo, Fraction(seconds), rate)
    assert (media.sample_rate, media.channels, media.frames) == (rate, 1, rate * seconds)
    sound = soundfile.read(media.file)[0]
    assert len(sound) == media.frames
    first = sound[: rate // 10]
    places = [round(float(b.position) * rate) for b in beats(tempo, Fraction(seconds))]
    assert len(places) == 62
    # The beat at 29.997 s sounds over the edge at 30 s.
    edge = sound[places[30] : places[30] + rate // 10]
    plain = sound[places[1] : places[1] + rate // 10]
    assert np.array_equal(edge, plain)
    assert not np.array_equal(first, plain)
    silence = sound.copy()
    for place in places:
        silence[place : place + rate // 20] = 0
    assert not silence.any()
    again = write_click(tmp_path, "so/ng", tempo, Fraction(seconds), rate)
    assert again == media
    assert [p.name for p in tmp_path.iterdir()] == [media.file.name]


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


def test_what_is_heard_in_a_song_is_in_its_session(tmp_path: Path) -> None:
    plan = Plan(tempi=((8, 118.0),), tonic=9, minor=True, lead=0.75)
    sound = play(plan).mix
    path = tmp_path / "drums.wav"
    write_song(path, sound, channels=2)
    song = Song("Song", (Stem("drums", Media(path, ANALYSED, 2, len(sound))),))
    made = new_session(song, tmp_path / "s.rpp", template="practice")
    lead, first = made.session.tempo[:2]
    assert float(first.position) == pytest.approx(0.75, abs=0.03)
    assert first.bpm == pytest.approx(118, rel=0.02)
    assert lead.position == 0
    assert any("118" in note and "sure" in note for note in made.notes)
    assert made.session.markers
    (click,) = track_named(made.session, "Click").clips
    data = soundfile.read(click.file)[0]
    at = round(float(first.position) * ANALYSED)
    assert np.abs(data[at : at + 100]).max() > 0.2
    assert np.abs(data[at - 200 : at]).max() < 0.01
    # Where the template alone wants it, a song does without what cannot be found.
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros((ANALYSED, 2)), ANALYSED)
    quiet = Song("Quiet", (Stem("drums", Media(silence, ANALYSED, 2, ANALYSED)),))
    made = new_session(quiet, tmp_path / "q.rpp", template="practice")
    assert made.session.tempo == ()
    assert any("not in the session" in note for note in made.notes)


def test_practice_has_a_click_where_the_tempo_is_known(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", RATE)
    made = new_session(song, tmp_path / "s.rpp", template="practice", tempo=120.0, markers="off")
    (click,) = track_named(made.session, "Click").clips
    assert click.file.parent == tmp_path / "Media"
    assert made.session.tempo == (TempoPoint(Fraction(0), 120.0),)
    made = new_session(song, tmp_path / "t.rpp", template="practice", tempo="off", markers="off")
    assert "Click" not in names(made.session)
    assert "no click" in made.notes[0]


def test_folders_of_stems_by_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "My - song stems"
    folder.mkdir()
    mix, parts = parts_of_a_mix(tmp_path, RATE, 500, ("vocals", "drums"))
    for name, media in parts.items():
        media.file.rename(folder / f"My - song - {name}.wav")
    soundfile.write(tmp_path / "My - song.wav", mix, RATE, subtype="FLOAT")
    (folder / "notes.txt").write_text("x")
    song = song_of_folder(folder)
    assert song.name == "My - song"
    assert [stem.name for stem in song.stems] == ["drums", "vocals"]
    assert song.mix is not None
    assert song.mix.file == tmp_path / "My - song.wav"
    (tmp_path / "empty").mkdir()
    with pytest.raises(StemliftError, match="no stems"):
        song_of_folder(tmp_path / "empty")
    with pytest.raises(StemliftError) as caught:
        song_of_folder(tmp_path / "none")
    assert caught.value.reason is Reason.FILE_NOT_FOUND


def test_a_result_of_the_watched_folder_is_a_song(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 500)
    assert song.mix is not None
    facts = [
        StemFacts(
            name=stem.name,
            file=stem.media.file.name,
            bytes=stem.media.file.stat().st_size,
            sha256="",
            peak_dbfs=-6.0,
            rms_dbfs=-20.0,
        )
        for stem in song.stems
    ]
    source = SourceFacts(
        path=str(song.mix.file),
        sha256="",
        frames=500,
        sample_rate=RATE,
        channels=2,
        time_reference=None,
    )
    manifest = Manifest(
        stemlift="1",
        id="a",
        song="song",
        source=source,
        model="spectral",
        recipe={},
        stems=tuple(facts),
        null_dbfs=-300.0,
        encoding="FLOAT",
        device="cpu",
        job="j",
        created="2026-01-01T00:00:00Z",
    )
    write_manifest(tmp_path / "song", manifest)
    assert song_of_folder(tmp_path / "song") == song
    assert expanded([tmp_path / "song"]) == [song]
    song.stems[0].media.file.unlink()
    with pytest.raises(StemliftError) as caught:
        expanded([tmp_path / "song"])
    assert caught.value.reason is Reason.MEDIA_MISSING


def test_a_record_that_leads_outside_its_folder_is_not_followed(tmp_path: Path) -> None:
    parts_of_a_mix(tmp_path, RATE, 10, ("vocals",))
    folder = tmp_path / "stems"
    folder.mkdir()
    (folder / "stems.json").write_text(
        '{"song": "s", "source": {"path": "x.wav", "frames": 10, "sample_rate": 44100,'
        ' "channels": 2}, "stems": [{"name": "vocals", "file": "../vocals.wav", "bytes": 1}]}'
    )
    with pytest.raises(StemliftError) as caught:
        song_of_folder(folder)
    assert caught.value.reason is Reason.FILE_NOT_FOUND


def test_songs_of_a_folder_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10 z.wav", "2 b.wav", "1.wav", "a.wav", ".hidden.wav"):
        soundfile.write(tmp_path / name, np.zeros((10, 2)), RATE)
    (tmp_path / "notes.txt").write_text("no song")
    (tmp_path / "sub").mkdir()
    found = expanded([tmp_path])
    assert [name_of(song) for song in found] == ["1", "2 b", "10 z", "a"]
    with pytest.raises(StemliftError, match="no songs"):
        expanded([tmp_path / "sub"])


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
