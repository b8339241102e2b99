"""Draw the demo song and its stems: `python docs/images/make_stems_picture.py build/demo`.

Takes what `make demo` wrote and makes docs/images/stems.png of it.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import soundfile
from matplotlib import pyplot
from numpy.typing import NDArray
from PIL import Image

COLOURS = {
    "mix": "#3d4451",
    "drums": "#d9622b",
    "bass": "#2f7d6d",
    "other": "#8a5fb0",
    "vocals": "#2f6fb5",
}
COLUMNS = 900
PAPER, INK, FAINT = "#fbfaf7", "#2b2f36", "#8b8f97"


def envelope(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Peak and RMS of the loudest channel in each of COLUMNS columns, and the seconds."""
    samples, rate = soundfile.read(path, always_2d=True)
    columns = np.array_split(samples, COLUMNS)
    peaks = np.array([np.abs(part).max() for part in columns])
    rms = np.array([np.sqrt((part**2).mean(axis=0).max()) for part in columns])
    return peaks, rms, len(samples) / rate


def main() -> None:
    demo = Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo")
    files = {"mix": demo / "song.wav"}
    files |= {name: demo / "stems" / f"song - {name}.wav" for name in COLOURS if name != "mix"}

    mpl.rcParams["font.family"] = "DejaVu Sans"
    figure, axes = pyplot.subplots(
        len(files),
        1,
        figsize=(10, 5.6),
        sharex=True,
        height_ratios=[2, 1, 1, 1, 1],
        facecolor=PAPER,
    )
    # One scale for all: a stem is as high as it is loud in the mix.
    for axis, (name, path) in zip(axes, files.items(), strict=True):
        peaks, rms, seconds = envelope(path)
        time = (np.arange(COLUMNS) + 0.5) * seconds / COLUMNS
        colour = COLOURS[name]
        axis.fill_between(time, -peaks, peaks, color=colour, alpha=0.38, linewidth=0)
        axis.fill_between(time, -rms, rms, color=colour, alpha=0.95, linewidth=0)
        axis.axhline(0, color=colour, linewidth=0.6)
        height = 0.96 if name == "mix" else 0.48
        axis.set_ylim(-height, height)
        axis.set_xlim(0, seconds)
        axis.set_facecolor(PAPER)
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_visible(False)
        label = "song.wav" if name == "mix" else name
        axis.text(
            -0.012,
            0.5,
            label,
            transform=axis.transAxes,
            ha="right",
            va="center",
            color=colour,
            fontsize=13,
            fontweight="bold",
        )
        axis.tick_params(axis="x", length=0, labelbottom=False)
        axis.set_xticks(range(0, int(seconds) + 1, 5))
        axis.grid(axis="x", color=INK, alpha=0.10, linewidth=0.7)
    axes[-1].tick_params(axis="x", labelbottom=True, labelcolor=FAINT, labelsize=10)
    axes[-1].set_xticklabels([f"{second} s" for second in range(0, int(seconds) + 1, 5)])
    figure.subplots_adjust(left=0.115, right=0.975, top=0.985, bottom=0.06, hspace=0.06)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=140)
    # A palette makes the file a fifth as large, and nothing to the eye.
    picture = Image.open(drawn).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    picture.save(Path(__file__).with_name("stems.png"), optimize=True)


if __name__ == "__main__":
    main()
