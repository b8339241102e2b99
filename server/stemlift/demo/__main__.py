"""`python -m stemlift.demo FOLDER`: render the demo song and separate it."""

from __future__ import annotations

import sys
from pathlib import Path

import soundfile
from rich.console import Console

from stemlift.demo.recipe import load_recipe
from stemlift.demo.song import Rendered, render
from stemlift.quality.sdr import sdr


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo").absolute()
    console = Console()
    console.print("Rendering a 40-second song…")
    song = render(load_recipe())
    folder.mkdir(parents=True, exist_ok=True)
    mix = folder / "song.wav"
    soundfile.write(mix, song.mix, song.sample_rate, subtype="PCM_16")
    from stemlift.cli.main import main as stemlift

    code = stemlift(["separate", str(mix), "--out", str(folder / "stems"), "--overwrite"])
    if code == 0:
        _compare(song, folder / "stems", console)
    return code


def _compare(song: Rendered, stems: Path, console: Console) -> None:
    console.print("\nThe song's true tracks are known, so the quality can be measured (SDR):")
    found = {}
    for name, source in song.sources.items():
        estimate, _ = soundfile.read(stems / f"song - {name}.wav")
        found[name], quarter = sdr(source, estimate), sdr(source, song.mix / 4)
        console.print(
            f"  {name:8} {found[name]:5.1f} dB   (a quarter of the mix would give {quarter:.1f} dB)"
        )
    if found["vocals"] < 3:
        console.print(
            "The voice of this song is computed, and was mostly taken for a synthesizer. "
            "docs/models.md has figures for voices that sing words."
        )


if __name__ == "__main__":
    sys.exit(main())
