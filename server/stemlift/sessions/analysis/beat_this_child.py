"""`python -m stemlift.sessions.analysis.beat_this_child SAMPLES.npy BEATS.json`: runs beat_this.

A process of its own, so that PyTorch never comes into the program that asks.
F. Foscarin, J. Schlüter and G. Widmer, "Beat this! Accurate beat tracking without DBN
postprocessing", ISMIR 2024.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from stemlift.sessions.analysis.listening import RATE


def main(samples: Path, answer: Path, checkpoint: str) -> None:
    """Writes the times of beats and downbeats, in seconds, as {"beats": …, "downbeats": …}."""
    from beat_this.inference import Audio2Beats

    tracker = Audio2Beats(checkpoint_path=checkpoint, device="cpu")
    beats, downbeats = tracker(np.load(samples, allow_pickle=False), RATE)
    found = {"beats": [float(t) for t in beats], "downbeats": [float(t) for t in downbeats]}
    answer.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
