"""The few calls of libfluidsynth that are needed, by ctypes.

The published Python bindings mix all channels into one; a song needs each part by itself, and
libfluidsynth renders sixteen stereo outputs in one pass.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from ctypes import c_char_p, c_double, c_int, c_void_p
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemlift.errors import Reason, StemliftError

RATE = 44100
BLOCK = 64
"""Samples between two points where FluidSynth looks at events."""

CHANNELS = 16

_CALLS: dict[str, tuple[type | None, list[type]]] = {
    "new_fluid_settings": (c_void_p, []),
    "delete_fluid_settings": (None, [c_void_p]),
    "fluid_settings_setint": (c_int, [c_void_p, c_char_p, c_int]),
    "fluid_settings_setnum": (c_int, [c_void_p, c_char_p, c_double]),
    "new_fluid_synth": (c_void_p, [c_void_p]),
    "delete_fluid_synth": (None, [c_void_p]),
    "fluid_synth_sfload": (c_int, [c_void_p, c_char_p, c_int]),
    "fluid_synth_get_sfont_by_id": (c_void_p, [c_void_p, c_int]),
    "fluid_synth_add_sfont": (c_int, [c_void_p, c_void_p]),
    "fluid_synth_remove_sfont": (c_int, [c_void_p, c_void_p]),
    "fluid_synth_program_select": (c_int, [c_void_p, c_int, c_int, c_int, c_int]),
    "fluid_synth_noteon": (c_int, [c_void_p, c_int, c_int, c_int]),
    "fluid_synth_noteoff": (c_int, [c_void_p, c_int, c_int]),
    "fluid_synth_pitch_bend": (c_int, [c_void_p, c_int, c_int]),
    "fluid_synth_pitch_wheel_sens": (c_int, [c_void_p, c_int, c_int]),
    "fluid_synth_nwrite_float": (c_int, [c_void_p, c_int, c_void_p, c_void_p, c_void_p, c_void_p]),
    "fluid_set_log_function": (c_void_p, [c_int, c_void_p, c_void_p]),
}
_LEVELS_OF_LOG = 5
_INSTALL = "Install FluidSynth: apt-get install fluidsynth, brew install fluid-synth."


def library() -> ctypes.CDLL:
    """libfluidsynth, quiet and with its types set.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE, where it is not installed.
    """
    name = ctypes.util.find_library("fluidsynth") or "libfluidsynth.so.3"
    try:
        found = ctypes.CDLL(name)
    except OSError as cause:
        raise StemliftError(
            Reason.TRAINING_UNAVAILABLE, f"The library {name} cannot be loaded: {cause}.", _INSTALL
        ) from cause
    for call, (result, arguments) in _CALLS.items():
        function = getattr(found, call)
        function.restype, function.argtypes = result, arguments
    for level in range(_LEVELS_OF_LOG):
        found.fluid_set_log_function(level, None, None)
    return found


class Font:
    """A SoundFont in memory, from which fresh synthesizers are made.

    A synthesizer that has played keeps traces that a reset does not clear; a new one for each
    song costs little and makes every rendering the same. To load the samples takes far longer,
    so a worker keeps one font open for all its songs. Not for several threads at once.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE, no libfluidsynth; FILE_UNREADABLE, no SoundFont.
    """

    def __init__(self, path: Path) -> None:
        self._library = library()
        self._settings = self._new_settings()
        self._keeper = self._library.new_fluid_synth(self._settings)
        number = self._library.fluid_synth_sfload(self._keeper, str(path).encode(), 0)
        if number < 0:
            self.close()
            raise StemliftError(
                Reason.FILE_UNREADABLE,
                f"FluidSynth cannot read the SoundFont {path}.",
                "Install its package again.",
            )
        self._font = self._library.fluid_synth_get_sfont_by_id(self._keeper, number)

    def _new_settings(self) -> int:
        settings = self._library.new_fluid_settings()
        for name, number in {
            "synth.audio-channels": CHANNELS,
            "synth.audio-groups": CHANNELS,
            "synth.midi-channels": CHANNELS,
            "synth.polyphony": 160,
            "synth.reverb.active": 0,
            "synth.chorus.active": 0,
            "synth.threadsafe-api": 0,
        }.items():
            self._library.fluid_settings_setint(settings, name.encode(), number)
        self._library.fluid_settings_setnum(settings, b"synth.sample-rate", float(RATE))
        self._library.fluid_settings_setnum(settings, b"synth.gain", 0.5)
        return int(settings)

    def close(self) -> None:
        if self._keeper:
            self._library.delete_fluid_synth(self._keeper)
            self._library.delete_fluid_settings(self._settings)
            self._keeper = None

    def synthesizer(self) -> Synthesizer:
        return Synthesizer(self._library, self._settings, self._font)


class Synthesizer:
    """One fresh synthesizer with sixteen channels, each on a stereo output of its own."""

    def __init__(self, calls: ctypes.CDLL, settings: int, font: int) -> None:
        self._library = calls
        self._font = font
        self._synth = calls.new_fluid_synth(settings)
        self._number = calls.fluid_synth_add_sfont(self._synth, font)

    def close(self) -> None:
        self._library.fluid_synth_remove_sfont(self._synth, self._font)
        self._library.delete_fluid_synth(self._synth)

    def select(self, channel: int, bank: int, program: int) -> bool:
        """Chooses an instrument; whether the font has it."""
        done = self._library.fluid_synth_program_select(
            self._synth, channel, self._number, bank, program
        )
        return bool(done == 0)

    def bend_range(self, channel: int, semitones: int) -> None:
        self._library.fluid_synth_pitch_wheel_sens(self._synth, channel, semitones)

    def bend(self, channel: int, wheel: int) -> None:
        """Sets the pitch wheel, 0 to 16383."""
        self._library.fluid_synth_pitch_bend(self._synth, channel, wheel)

    def on(self, channel: int, key: int, velocity: int) -> None:
        self._library.fluid_synth_noteon(self._synth, channel, key, velocity)

    def off(self, channel: int, key: int) -> None:
        self._library.fluid_synth_noteoff(self._synth, channel, key)

    def write(self, outputs: NDArray[np.float32], first: int, count: int) -> None:
        """Renders `count` samples, a multiple of BLOCK, into outputs from `first` on.

        Args:
            outputs: (CHANNELS, 2, frames), contiguous.
        """
        base, offset = outputs.ctypes.data, 4 * first
        channel, side = outputs.strides[0], outputs.strides[1]
        places = [base + offset + channel * index for index in range(CHANNELS)]
        left = (c_void_p * CHANNELS)(*places)
        right = (c_void_p * CHANNELS)(*(place + side for place in places))
        self._library.fluid_synth_nwrite_float(self._synth, count, left, right, None, None)
