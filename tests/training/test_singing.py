"""Voices sing what they are given: at its pitch, at its time, in another's throat."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.training.songs import choir, singing, voice_bank, voices
from stemlift.training.songs.formant_voice import formant_bank
from stemlift.training.songs.melody_line import TUNED, Manner, SungNote
from stemlift.training.songs.singing import RATE, Singer

PLAIN = Manner(glide_s=0.0, scoop=0.0, vibrato=0.0, drift=0.0, inhales=0.0)
AS_SPOKEN = Singer()


def _sung(pitch: float, singer: Singer = AS_SPOKEN, manner: Manner = PLAIN) -> np.ndarray:
    rng = np.random.default_rng(3)
    bank = formant_bank(1)
    notes = [SungNote(1.0, 1.5, pitch, 0.9)]
    lane = singing.track(bank, notes, manner, 4.0, rng, voice_bank.AAH)
    return singing.sing(bank, lane, singer, rng, 4.0)


@pytest.mark.parametrize("pitch", [45.0, 57.0, 69.0])
def test_a_note_has_its_pitch(pitch: float) -> None:
    body = _sung(pitch)[round(1.3 * RATE) : round(2.3 * RATE)]
    same = np.fft.irfft(np.abs(np.fft.rfft(body, 2 * body.size)) ** 2)
    wanted = RATE / (440.0 * 2.0 ** ((pitch - 69.0) / 12.0))
    near = np.arange(round(wanted * 0.8), round(wanted * 1.2) + 1)
    found = near[np.argmax(same[near])]
    assert abs(found - wanted) <= max(1.0, 0.006 * wanted)


def test_silence_before_and_after_a_note() -> None:
    sound = _sung(60.0)
    assert np.abs(sound[: round(0.6 * RATE)]).max() < 1e-6
    assert np.abs(sound[round(2.7 * RATE) :]).max() < 1e-6
    assert np.sqrt(np.mean(sound[RATE : round(2.4 * RATE)] ** 2)) > 0.05


def test_a_smaller_singer_is_brighter_and_a_whisper_has_no_pitch() -> None:
    def middle(sound: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((power * np.fft.rfftfreq(sound.size, 1 / RATE)).sum() / power.sum())

    assert middle(_sung(55.0, Singer(size=1.3))) > 1.1 * middle(_sung(55.0, Singer(size=0.85)))
    body = _sung(57.0, Singer(breath=1.0))[round(1.3 * RATE) : round(2.3 * RATE)]
    power = np.abs(np.fft.rfft(body * np.hanning(body.size))) ** 2
    tones = power[219:222].sum() + power[439:442].sum() + power[659:662].sum()
    assert tones < 0.2 * power[150:700].sum()


def test_a_clear_voice_has_less_noise_between_its_partials_and_the_same_consonants() -> None:
    def noise_db(singer: Singer) -> float:
        body = _sung(57.0, singer)[round(1.3 * RATE) : round(2.3 * RATE)]
        power = np.abs(np.fft.rfft(body * np.blackman(body.size))) ** 2
        partial = np.round(np.arange(power.size) / 220.0) * 220.0
        between = np.abs(np.arange(power.size) - partial) > 40
        low = np.arange(power.size) < 5000
        return 10 * float(np.log10(power[between & low].sum() / power[low].sum()))

    # What is left is the unevenness of the pulses.
    assert noise_db(Singer(clear=6.0)) < noise_db(AS_SPOKEN) - 4
    # A consonant is noise alone, and stays so.
    bank = formant_bank(1)
    hiss = replace(bank, breath=np.full_like(bank.breath, 255))
    notes = [SungNote(0.5, 0.5, 57.0, 0.9)]
    lane = singing.track(hiss, notes, PLAIN, 1.5, np.random.default_rng(3))
    as_spoken, clear = (
        singing.sing(hiss, lane, singer, np.random.default_rng(4), 1.5)
        for singer in (AS_SPOKEN, Singer(clear=6.0))
    )
    assert np.abs(as_spoken).max() > 0.1
    np.testing.assert_allclose(clear, as_spoken, atol=1e-3)


def test_the_same_seed_sings_the_same() -> None:
    first, second = _sung(62.0, manner=TUNED), _sung(62.0, manner=TUNED)
    assert np.array_equal(first, second)


def test_no_voice_and_no_language_is_in_two_splits() -> None:
    every = voices.catalogue()
    assert len({voice.name for voice in every}) == len(every)
    trained = voices.voices_of("train")
    held = voices.voices_of("test")
    spoken = {voice.language for voice in trained} - {""}
    assert not spoken & {voice.language for voice in held}


def test_banks_come_back_as_they_were_saved(tmp_path: Path) -> None:
    bank = formant_bank(5)
    voice_bank.save(bank, tmp_path / "formant-5.npz")
    back = choir.bank(tmp_path, "formant-5")
    assert back.name == "formant-5"
    assert np.array_equal(back.level_db, bank.level_db)
    assert np.array_equal(back.syllables, bank.syllables)


def test_a_missing_program_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    voice = next(voice for voice in voices.catalogue() if voice.engine == "flite")
    there, refused = choir.prepare(tmp_path, [voice])
    assert there == []
    assert isinstance(refused[0], StemliftError)
    assert refused[0].reason is Reason.TRAINING_UNAVAILABLE
    assert "flite" in str(refused[0])


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_a_spoken_line_has_syllables_with_vowels() -> None:
    pytest.importorskip("pyworld")
    voice = next(voice for voice in voices.catalogue() if voice.engine == "espeak")
    (said,) = voices.speak(voice, ["never follow the river tonight"])
    bank = voice_bank.build("x", [voice_bank.take_apart(*said, voice_bank.WORD)])
    assert 6 <= len(bank.syllables) <= 12
    assert (bank.syllables[:, 2] > bank.syllables[:, 1]).all()
    assert 100.0 < bank.pitch < 350.0
