"""What the user hears: items into tracks, tracks into folders and sends, all into the master."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reaper_sim.render_item import apply_effects, balance, envelope, render_item

if TYPE_CHECKING:
    from reaper_sim.project import Project, Send
    from reaper_sim.tracks import Track

Array = npt.NDArray[np.float64]


def render(project: Project, length: float | None = None) -> Array:
    """(frames, 2) at the project's rate; without a length up to the last item's end and 0.1 s."""
    if length is None:
        ends = [item.get("D_POSITION") + item.get("D_LENGTH") for item in project.items]
        length = max(ends, default=0.0) + 0.1
    return Mixer(project, round(length * project.rate)).master()


class Mixer:
    """Each track once, in the order in which they feed each other."""

    def __init__(self, project: Project, frames: int) -> None:
        self.project = project
        self.frames = frames
        self.parents = project.parents()
        self.times = np.arange(frames) / project.rate
        self.soloed = [track for track in project.tracks if track.get("I_SOLO")]
        self._done: dict[Track, tuple[Array, Array, Array]] = {}
        self._open: list[Track] = []

    def master(self) -> Array:
        out = np.zeros((self.frames, 2))
        for track in self.project.tracks:
            if self.parents[track] is None and track.get("B_MAINSEND"):
                out += self.stages(track)[2]
        return out

    def stages(self, track: Track) -> tuple[Array, Array, Array]:
        """Before the effects, before the fader, after it."""
        if track in self._done:
            return self._done[track]
        if track in self._open:
            raise ValueError(f"track {track.name!r} feeds itself")
        self._open.append(track)
        before = self.own_items(track)
        for child in self.project.tracks:
            if self.parents[child] is track and child.get("B_MAINSEND"):
                before = before + self.stages(child)[2]
        for send in self.project.sends:
            if send.target is track and not send.mute:
                before = before + self.sent(send)
        after = before
        if track.get("I_FXEN"):
            after = apply_effects(track.lines.blocks("FXCHAIN"), before)
        self._open.pop()
        self._done[track] = before, after, self.fader(track, after)
        return self._done[track]

    def own_items(self, track: Track) -> Array:
        out = np.zeros((self.frames, 2))
        if self.soloed and not any(map(_acts_soloed, self.with_ancestors(track))):
            return out
        for item in track.items:
            out += render_item(item, self.frames, self.project.rate)
        return out

    def with_ancestors(self, track: Track) -> list[Track]:
        found: list[Track] = []
        at: Track | None = track
        while at is not None:
            found.append(at)
            at = self.parents[at]
        return found

    def sent(self, send: Send) -> Array:
        stage = {1: 0, 3: 1}.get(send.mode, 2)
        sound = self.stages(send.source)[stage]
        if send.source.get("B_MUTE") or send.source_channel < 0:
            return np.zeros_like(sound)
        if send.mono:
            sound = np.repeat(sound.mean(axis=1, keepdims=True), 2, axis=1)
        sign = -1.0 if send.phase else 1.0
        result: Array = sound * sign * send.volume * balance(send.pan, 1.0)
        return result

    def fader(self, track: Track, sound: Array) -> Array:
        if track.get("B_MUTE"):
            return np.zeros_like(sound)
        if track.get("B_PHASE"):
            sound = -sound
        width, pan = track.get("D_WIDTH"), track.get("D_PAN")
        law = track.get("D_PANLAW")
        law = self.project.pan_law if law < 0 else law
        mode = int(track.get("I_PANMODE"))
        if mode == 6:
            left = balance(track.get("D_DUALPANL"), law) * sound[:, :1]
            right = balance(track.get("D_DUALPANR"), law) * sound[:, 1:]
            sound = left + right
        else:
            if mode == 5 or width != 1:
                middle = sound.mean(axis=1)
                side = (sound[:, 0] - sound[:, 1]) / 2 * width
                sound = np.stack([middle + side, middle - side], axis=1)
            sound = sound * balance(pan, law)
        gain = np.full(self.frames, track.get("D_VOL"))
        for key in ("VOLENV", "VOLENV2"):
            for block in track.lines.blocks(key):
                gain = gain * envelope(block, self.times, 1.0)
        for block in track.lines.blocks("MUTEENV"):
            gain = gain * (envelope(block, self.times, 1.0) >= 0.5)
        for block in track.lines.blocks("PANENV2"):
            sound = sound * balance(-envelope(block, self.times, 0.0), 1.0)
        result: Array = sound * gain[:, None]
        return result


def _acts_soloed(track: Track) -> bool:
    return bool(track.get("I_SOLO")) or (
        bool(track.get("B_SOLO_DEFEAT")) and not track.get("B_MUTE")
    )
