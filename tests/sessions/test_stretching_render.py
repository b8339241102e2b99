"""Clips rendered to files, for DAWs that neither stretch nor pitch."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.rendering import render
from stemlift.sessions.timeline import Clip, Media, Session, Track, checked, whole

RATE = 48000


@pytest.fixture
def media(tmp_path: Path) -> Media:
    file = tmp_path / "A - it's.wav"
    time = np.arange(4 * RATE) / RATE
    samples = np.stack([0.4 * np.sin(2 * np.pi * 330 * time)] * 2, axis=1)
    soundfile.write(file, samples, RATE, subtype="PCM_24")
    return Media(file, RATE, 2, len(samples))


def session_of(*clips: Clip) -> Session:
    return Session("s", RATE, (Track("folder", children=(Track("one", clips=clips),)),))


def test_a_rendered_clip_is_a_plain_one_of_the_same_place_and_length(
    tmp_path: Path, media: Media
) -> None:
    stretched = Clip(
        media,
        position=Fraction(7, 3),
        length=Fraction(5, 2),
        source_start=Fraction(1, 2),
        gain_db=-3.0,
        fade_out=Fraction(1, 10),
        stretch=Fraction(6, 5),
        pitch=3.0,
        name="x",
    )
    shares: list[float] = []
    out = render(session_of(stretched, whole(media)), tmp_path / "Rendered", shares.append)
    clip, other = checked(out).clips
    assert other == whole(media)
    assert clip.plain
    assert clip == replace(
        stretched, media=clip.media, source_start=Fraction(0), stretch=Fraction(1), pitch=0.0
    )
    info = soundfile.info(clip.file)
    assert (info.frames, info.samplerate, info.subtype) == (RATE * 5 // 2, RATE, "FLOAT")
    samples, _ = soundfile.read(clip.file)
    spectrum = np.abs(np.fft.rfft(samples[RATE // 2 : -RATE // 2, 0]))
    assert spectrum.argmax() / 1.5 == pytest.approx(330 * 2 ** (3 / 12), abs=1)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert [path.name for path in (tmp_path / "Rendered").iterdir()] == [clip.file.name]


def test_clips_of_one_sound_share_a_file_and_find_it_again(tmp_path: Path, media: Media) -> None:
    one = replace(whole(media), length=Fraction(2), stretch=Fraction(2))
    again = replace(one, position=Fraction(9), gain_db=-6.0, mute=True)
    folder = tmp_path / "Rendered"
    first = render(session_of(one, again), folder)
    assert len(first.media) == 1
    written = first.media[0].file.stat()
    assert render(session_of(one), folder).media == first.media
    assert first.media[0].file.stat() == written
    other = render(session_of(replace(one, pitch=1.0)), folder)
    assert other.media[0].file != first.media[0].file
    assert len(list(folder.iterdir())) == 2


def test_a_plain_session_needs_no_folder(tmp_path: Path, media: Media) -> None:
    session = session_of(whole(media))
    assert render(session, tmp_path / "Rendered") == session
    assert not (tmp_path / "Rendered").exists()


def test_what_fails_leaves_no_file(tmp_path: Path, media: Media) -> None:
    good = replace(whole(media), length=Fraction(2), stretch=Fraction(2))
    missing = replace(media, file=tmp_path / "missing.wav")
    folder = tmp_path / "Rendered"
    with pytest.raises(StemliftError) as caught:
        render(session_of(good, replace(good, media=missing)), folder)
    assert caught.value.reason is Reason.FILE_NOT_FOUND
    assert list(folder.iterdir()) == []


def test_varispeed_moves_the_pitch_with_the_tempo(tmp_path: Path, media: Media) -> None:
    clip = replace(whole(media), length=Fraction(2), stretch=Fraction(2), keeps_pitch=False)
    (out,) = render(session_of(clip), tmp_path / "Rendered").clips
    samples, _ = soundfile.read(out.file)
    assert np.abs(np.fft.rfft(samples[:, 0])).argmax() / 2 == pytest.approx(660, abs=1)
