"""Draw the three masks on the demo song: `python docs/images/make_masks_picture.py`.

Renders the song, makes docs/images/masks.png, and prints how close each mask comes to the
true voice when the true tracks are what it is made of.
"""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot
from matplotlib.colors import LinearSegmentedColormap, hsv_to_rgb, to_rgb
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stemlift.demo.recipe import load_recipe
from stemlift.demo.song import Rendered, render
from stemlift.models.spec import MaskKind
from stemlift.quality.sdr import sdr
from stemlift.separation.masks import masks

N_FFT, HOP = 4096, 1024
BEGIN, SECONDS, HIGHEST = 17.7, 2.0, 2000
VOICE = "vocals"
PAPER, INK, FAINT = "#fbfaf7", "#2b2f36", "#8b8f97"
SHARE = LinearSegmentedColormap.from_list("share", [PAPER, "#2f6fb5"])
LOUDNESS = LinearSegmentedColormap.from_list("loudness", [PAPER, "#9aa3b2", INK])


def spectra(wave: NDArray[np.float64]) -> Tensor:
    """(channels, bins, frames) of (frames, channels)."""
    window = torch.hann_window(N_FFT)
    signal = torch.from_numpy(wave.T.astype(np.float32).copy())
    return torch.stft(signal, N_FFT, HOP, window=window, return_complex=True)


def wave_of(spectrum: Tensor, frames: int) -> NDArray[np.float64]:
    window = torch.hann_window(N_FFT)
    signal = torch.istft(spectrum, N_FFT, HOP, window=window, length=frames)
    return signal.T.double().numpy()


def ideal_masks(song: Rendered) -> tuple[Tensor, dict[MaskKind, Tensor]]:
    """The spectra of the mix, and the voice's masks made of the true tracks."""
    mix = spectra(song.mix)
    tracks = torch.stack([spectra(track) for track in song.sources.values()])
    voice = list(song.sources).index(VOICE)
    found = {kind: masks(kind, tracks.unsqueeze(0), mix.unsqueeze(0)) for kind in MaskKind}
    return mix, {kind: mask[0, voice] for kind, mask in found.items()}


def turned(mask: NDArray[np.complex64], loud: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A complex mask in colours: how much by the strength of the colour, the turn by its hue."""
    amount = np.clip(np.abs(mask), 0, 1) * loud
    # Blue is no turn at all; red and green are turns to either side.
    hue = (0.58 + np.angle(mask) / (2 * np.pi)) % 1
    colour = hsv_to_rgb(np.stack((hue, 0.75 * amount, 1 - 0.3 * amount), axis=-1))
    return np.asarray(colour * to_rgb(PAPER))


def main() -> None:
    song = render(load_recipe())
    mix, found = ideal_masks(song)
    for kind, mask in found.items():
        estimate = wave_of(mix * mask, len(song.mix))
        print(f"{kind}: {sdr(song.sources[VOICE], estimate):.1f} dB")  # noqa: T201
    width = song.sample_rate / N_FFT
    rows = slice(0, int(HIGHEST / width))
    columns = slice(int(BEGIN * song.sample_rate / HOP), None)
    columns = slice(columns.start, columns.start + int(SECONDS * song.sample_rate / HOP))
    level = 20 * np.log10(mix[0, rows, columns].abs().numpy() + 1e-9)
    loud = level > level.max() - 60
    panels: list[tuple[str, NDArray[np.float64], LinearSegmentedColormap | None]] = [
        ("the mix", np.clip(level - level.max(), -60, 0), LOUDNESS)
    ]
    for kind, words in (
        (MaskKind.BINARY, "binary: all or nothing"),
        (MaskKind.RATIO, "ratio: a share"),
        (MaskKind.COMPLEX, "complex: a share and a turn"),
    ):
        part = found[kind][0, rows, columns].numpy()
        if kind is MaskKind.COMPLEX:
            panels.append((words, turned(part, loud), None))
        else:
            panels.append((words, part * loud, SHARE))
    draw(panels)


def draw(
    panels: list[tuple[str, NDArray[np.float64], LinearSegmentedColormap | None]],
) -> None:
    mpl.rcParams["font.family"] = "DejaVu Sans"
    figure, axes = pyplot.subplots(1, 4, figsize=(10, 3.3), sharey=True, facecolor=PAPER)
    for axis, (words, values, colours) in zip(axes, panels, strict=True):
        axis.imshow(
            values,
            origin="lower",
            aspect="auto",
            cmap=colours,
            extent=(0, SECONDS, 0, HIGHEST / 1000),
            interpolation="nearest",
        )
        axis.set_title(words, fontsize=10.5, color=INK, loc="left", pad=6)
        axis.tick_params(length=0, labelcolor=FAINT, labelsize=9)
        axis.set_xticks([0.5, 1.0, 1.5], ["0.5 s", "1 s", "1.5 s"])
        for spine in axis.spines.values():
            spine.set_color("#d5d8dd")
    axes[0].set_yticks([0.5, 1.0, 1.5], ["500 Hz", "1 kHz", "1.5 kHz"])
    figure.subplots_adjust(left=0.062, right=0.985, top=0.9, bottom=0.085, wspace=0.07)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=130)
    picture = Image.open(drawn).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    picture.save(Path(__file__).with_name("masks.png"), optimize=True)


if __name__ == "__main__":
    main()
