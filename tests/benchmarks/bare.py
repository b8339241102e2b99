"""The network alone: segments of a song through the backend, in a process of its own.

    python -m tests.benchmarks.bare HOME MODEL SONG_SECONDS PRECISION BATCH

Nothing is read, joined or written; devices and memory are used as in the server. Prints JSON:
the seconds that all segments of a song of that length take, and what they were computed in.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .house import House

_WARM_UP = 2


class _Quiet:
    """Tells nobody; nothing stops it."""

    def report(self, stage: object, fraction: float) -> None:
        """Nobody listens."""

    def warn(self, message: str) -> None:
        raise RuntimeError(message)

    def check(self) -> None:
        """Nobody stops it."""


def bare(home: House, song_seconds: int, precision: str, batch: int = 0) -> dict[str, Any]:
    """Run this file in the environment of the house; batch 0: what the server would take."""
    command = [sys.executable, "-m", "tests.benchmarks.bare", str(home.folder), home.model.name]
    done = subprocess.run(
        [*command, str(song_seconds), precision, str(batch)],
        env=home.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the bare network failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout))


def _measure(home: Path, name: str, song_seconds: int, asked: str, batch: int) -> dict[str, Any]:
    import numpy as np
    import torch

    from stemlift.models.library import Library
    from stemlift.models.loader import load_model
    from stemlift.models.store import ModelStore
    from stemlift.paths import paths_under
    from stemlift.separation.backend import TorchBackend
    from stemlift.separation.devices import choose_device, make_repeatable
    from stemlift.separation.inference import BatchSize, Inference, default_batch
    from stemlift.separation.lanes import close_lanes, halve_cpu, make_lanes
    from stemlift.separation.options import Precision
    from stemlift.separation.precision import choose_precision
    from stemlift.separation.seams import cut_for
    from stemlift.separation.segments import Segment
    from stemlift.settings import Settings
    from stemlift.system.allocation import keep_freed_memory

    keep_freed_memory(one_arena=True)
    make_repeatable()
    paths = paths_under(home)
    spec = next(each for each in Library(paths).catalogue().models if each.name == name)
    store = ModelStore.from_settings(paths.models, Settings())
    (member,) = load_model(spec, store, lambda *_: None, lambda: False).members
    device = choose_device("auto").name
    precision = choose_precision(Precision(asked), member.network, device)
    threads = torch.get_num_threads()
    lanes = halve_cpu() if device == "cpu" else make_lanes((device,))
    backend = TorchBackend(member.network, device, precision)
    count = cut_for(member, song_seconds * spec.sample_rate).count
    batch = batch or default_batch(device)
    length = member.valid_length(member.segment)
    noise = 0.1 * np.random.default_rng(1).standard_normal((2, length)).astype(np.float32)
    inference = Inference(lambda _: backend, lanes, BatchSize(batch), _Quiet())

    def seconds_for(number: int) -> float:
        began = time.perf_counter()
        for _ in inference.run(Segment(0, length, 0, noise) for _ in range(number)):
            pass
        return time.perf_counter() - began

    try:
        seconds_for(_WARM_UP * batch * len(lanes))
        seconds = seconds_for(count)
    finally:
        close_lanes(lanes)
    return {
        "seconds": seconds,
        "segments": count,
        "segment_samples": length,
        "batch": batch,
        "precision": str(precision),
        "device": device,
        "threads": threads,
        "at_once": len(lanes),
    }


if __name__ == "__main__":
    home, name, song_seconds, precision, batch = sys.argv[1:]
    print(json.dumps(_measure(Path(home), name, int(song_seconds), precision, int(batch))))
