"""Mashups as they are heard: rendered, every beat of every song is on the session's grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mashup_songs import Recipe, heard_at, make_song, strokes

from stemlift.sessions.analysis.result import Analysis, KeyEstimate, Knot, TempoEstimate
from stemlift.sessions.mashup import Part, new_mashup
from stemlift.sessions.mashup_plan import Ingredient, plan
from stemlift.sessions.mashup_tracks import MEETING, Fitted, mashup_session
from stemlift.sessions.rendering import render
from stemlift.sessions.rpp import read_rpp, write_rpp
from stemlift.sessions.song import Song
from stemlift.sessions.templates import load_template
from stemlift.sessions.timeline import Clip, Session, checked, walk

PLAIN = Recipe(120.0, 0.37, 0, 12.0)
FAST = Recipe(131.5, 1.9, 2, 12.0, 48000)
HALF = Recipe(63.0, 0.0, 9, 16.0)
CHANGING = Recipe(118.0, 0.5, 0, 18.0, 44100, ((16, 126.0),))


def known(recipe: Recipe) -> Analysis:
    """What a flawless analysis finds."""
    beats = recipe.beats
    inner = [Knot(beat, beats[beat]) for beat, _ in recipe.changes]
    return Analysis(
        recipe.seconds,
        TempoEstimate(recipe.bpm, 1.0, 1.0, constant=not recipe.changes),
        KeyEstimate(recipe.tonic, confidence=1.0),
        beats,
        beats[::4],
        4,
        1.0,
        grid=(Knot(0, beats[0]), *inner, Knot(len(beats) - 1, beats[-1])),
    )


def mashed(folder: Path, recipes: Sequence[Recipe], tempo: object = "first") -> Session:
    songs = [make_song(folder, f"song {n}", recipe) for n, recipe in enumerate(recipes)]
    given = [
        Ingredient(song.name, song.length, known(recipe))
        for song, recipe in zip(songs, recipes, strict=True)
    ]
    found = plan(given, tempo, "least")  # type: ignore[arg-type]
    fitted = [Fitted(song, fit) for song, fit in zip(songs, found.fits, strict=True)]
    return mashup_session("mashup", fitted, found, load_template("mashup"))


def drums_of(session: Session) -> list[tuple[Clip, ...]]:
    return [track.clips for _, track in walk(session.tracks) if track.name.endswith("Drums")]


def all_strokes(clips: Sequence[Clip]) -> np.ndarray:
    found = np.sort(np.concatenate([heard_at(clip) for clip in clips]))
    # Where two clips are crossfaded, a stroke is in both.
    return found[np.concatenate([[True], np.diff(found) > 0.05])]


def test_beats_of_all_songs_meet_within_five_milliseconds(tmp_path: Path) -> None:
    session = mashed(tmp_path, [PLAIN, FAST, HALF])
    (meeting,) = [float(m.position) for m in session.markers if m.name == MEETING]
    assert meeting == pytest.approx(4.0, abs=1e-9)
    played = checked(render(session, tmp_path / "Rendered"))
    worst = 0.0
    for clips, recipe in zip(drums_of(played), (PLAIN, FAST, HALF), strict=True):
        found = all_strokes(clips)
        beats = (found - meeting) / 0.5
        assert len(found) >= len(recipe.beats) - 1
        # The first downbeat is heard on the bar line.
        first = np.abs(found - meeting).min()
        step = 2 if recipe is HALF else 1
        late = np.abs(beats / step - np.round(beats / step)) * step * 0.5
        worst = max(worst, float(first), float(late.max()))
    assert worst < 0.005


def test_a_song_that_changes_its_tempo_stays_on_the_grid(tmp_path: Path) -> None:
    session = mashed(tmp_path, [CHANGING, PLAIN], 122.0)
    changing, plain = drums_of(session)
    assert (len(changing), len(plain)) == (2, 1)
    overlap = changing[0].end - changing[1].position
    assert float(overlap) == pytest.approx(0.01)
    assert changing[0].fade_out == changing[1].fade_in == overlap
    played = render(session, tmp_path / "Rendered")
    (meeting,) = [float(m.position) for m in session.markers]
    for clips in drums_of(played):
        beats = (all_strokes(clips) - meeting) * 122 / 60
        assert np.abs(beats - np.round(beats)).max() * 60 / 122 < 0.005


def test_drums_are_never_transposed_and_chords_arrive_in_the_key(tmp_path: Path) -> None:
    session = mashed(tmp_path, [PLAIN, FAST])
    pitches = {clip.name: clip.pitch for clip in session.clips}
    assert pitches == {
        "song 0 - Drums": 0,
        "song 0 - Other": 1,
        "song 1 - Drums": 0,
        "song 1 - Other": -1,
    }
    played = render(session, tmp_path / "Rendered")
    (meeting,) = [float(marker.position) for marker in session.markers]
    tones = {}
    for clip in played.clips:
        if clip.name.endswith("Other"):
            samples, rate = soundfile.read(clip.file)
            start = meeting - float(clip.position)
            bar = slice(round((start + 0.2) * rate), round((start + 1.7) * rate))
            window = samples[bar, 0] * np.hanning(bar.stop - bar.start)
            spectrum = np.abs(np.fft.rfft(window, 1 << 18))
            tones[clip.name] = spectrum / spectrum.max(), rate
    # Both songs began a whole tone apart and are now in C sharp: its tonic sounds in both.
    tonic = 261.6256 * 2 ** (1 / 12)
    for spectrum, rate in tones.values():
        place = round(tonic / rate * (1 << 18))
        assert spectrum[place - 8 : place + 9].max() > 0.2


def test_tracks_have_the_names_of_song_and_stem_in_the_templates_folders(tmp_path: Path) -> None:
    session = mashed(tmp_path, [PLAIN, FAST])
    (music,) = session.tracks
    assert music.name == "Music"
    assert [track.name for track in music.children] == [
        "song 0 - Drums",
        "song 0 - Other",
        "song 1 - Drums",
        "song 1 - Other",
    ]
    assert all(not effect.enabled for _, track in walk(session.tracks) for effect in track.effects)
    assert [(point.bpm, point.numerator) for point in session.tempo] == [(120.0, 4)]


def test_nothing_is_changed_on_the_disk_and_the_project_says_it_all(tmp_path: Path) -> None:
    session = mashed(tmp_path, [PLAIN, FAST])
    before = {path: path.read_bytes() for path in tmp_path.glob("*.wav")}
    write_rpp(session, tmp_path / "mashup.rpp")
    assert {path: path.read_bytes() for path in tmp_path.glob("*.wav")} == before
    again = read_rpp(tmp_path / "mashup.rpp").session
    for wrote, read in zip(session.clips, again.clips, strict=True):
        assert float(read.stretch) == pytest.approx(float(wrote.stretch), rel=1e-9)
        assert read.pitch == wrote.pitch
        assert float(read.position) == pytest.approx(float(wrote.position), abs=1e-9)
        assert read.keeps_pitch


def test_a_real_analysis_puts_the_beats_together(tmp_path: Path) -> None:
    from stemlift.sessions.analysis import analyse

    recipes = [Recipe(120.0, 0.37, 0, 20.0), Recipe(131.5, 1.9, 2, 20.0)]
    songs = [make_song(tmp_path, f"song {n}", recipe) for n, recipe in enumerate(recipes)]
    given = [Ingredient(song.name, song.length, analyse([_mix(song)])) for song in songs]
    found = plan(given, "first", "least")
    fitted = [Fitted(song, fit) for song, fit in zip(songs, found.fits, strict=True)]
    session = mashup_session("mashup", fitted, found, load_template("mashup"))
    assert found.tempo == pytest.approx(120, rel=0.002)
    played = render(session, tmp_path / "Rendered")
    one, other = (all_strokes(clips) for clips in drums_of(played))
    gaps = [float(np.abs(one - time).min()) for time in other if one[0] < time < one[-1]]
    assert len(gaps) > 20
    assert max(gaps) < 0.015
    assert np.median(gaps) < 0.008


def test_what_a_format_leaves_out_is_said(tmp_path: Path) -> None:
    song = make_song(tmp_path, "song", PLAIN)
    made = new_mashup([Part(("drums",), song)], tmp_path / "m.ardour", tempo=121)
    assert any("The effects of song - Drums are left out" in note for note in made.notes)
    (clip,) = made.session.clips
    assert clip.plain
    assert clip.file.is_relative_to(tmp_path / "Media" / "Rendered")


def _mix(song: Song) -> Path:
    assert song.mix is not None
    return song.mix.file


def test_strokes_are_found_where_they_are(tmp_path: Path) -> None:
    """The measure itself."""
    song = make_song(tmp_path, "x", FAST)
    times, rate = strokes(song.stems[0].media.file)
    assert rate == 48000
    assert len(times) == len(FAST.beats)
    assert np.abs(times - np.array(FAST.beats)).max() < 0.001
