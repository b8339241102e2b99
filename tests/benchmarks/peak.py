"""Share of the machine's peak: how many of the products that it can compute the network gets.

    python -m tests.benchmarks.peak [--quick]

The peak is measured, not looked up: the quickest product of two square matrices, in each
precision, on as many threads as the server takes. The work of the network is counted by torch's
counter of floating-point operations on the reference network of the `demucs` package: products,
convolutions and attention; Fourier transforms and all that is done sample by sample are left out,
so the share is rather too low than too high.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from .bare import bare
from .house import house
from .machine import clean_environment
from .model import Model, chosen
from .results import in_turn, order, spread, write

SONG, QUICK_SONG = 60, 12
"""Seconds, for the network alone."""

_SIZES = (1024, 2048, 4096)
_QUICK_SIZES = (512,)
_GEMM_SECONDS = 1.5


def main(argv: Sequence[str] | None = None) -> None:
    asked = order("peak", __doc__ or "", 3, argv)
    seconds = QUICK_SONG if asked.quick else SONG
    model = chosen(asked.quick)
    flops = _flops(model)
    figures: dict[str, Any] = {"flops_per_segment": flops}
    with house(model) as home:
        for precision in ("fp32", "bf16"):

            def alone(precision: str = precision) -> dict[str, Any]:
                return bare(home, seconds, precision)

            def product(precision: str = precision) -> dict[str, Any]:
                return {"rate": _gemm(precision, asked.quick)}

            variants: dict[str, Callable[[], dict[str, Any]]] = {"net": alone, "gemm": product}
            found = in_turn(asked.runs, variants, f"{asked.name}, {precision}")
            rates = [flops * each["segments"] / each["seconds"] for each in found["net"]]
            peaks = [each["rate"] for each in found["gemm"]]
            network, peak = spread(rates), spread(peaks)
            figures[precision] = {
                "network_flops_per_second": network["median"],
                "peak_flops_per_second": peak["median"],
                "share_of_peak": round(network["median"] / peak["median"], 4),
                "seconds_per_segment": spread(
                    [each["seconds"] / each["segments"] for each in found["net"]]
                ),
                "threads": found["net"][0]["threads"],
                "device": found["net"][0]["device"],
            }
    write(asked, model.told() | {"song_seconds": seconds}, figures)


def _flops(model: Model) -> int:
    """Of one segment."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from .model import RATE, SEGMENT, make_network

    network = make_network(model.shape)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 2, int(SEGMENT * RATE)))
    return int(counter.get_total_flops())


def _gemm(precision: str, quick: bool) -> float:
    """Operations a second of the quickest product, in a process of its own."""
    sizes = _QUICK_SIZES if quick else _SIZES
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.peak", "gemm", precision, *map(str, sizes)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout))


def _quickest(precision: str, sizes: Sequence[int]) -> float:
    import torch

    from stemlift.separation.devices import choose_device, make_repeatable

    make_repeatable()
    device = choose_device("auto").name
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    best = 0.0
    for size in sizes:
        generator = torch.Generator().manual_seed(size)
        left, right = (
            torch.randn(size, size, generator=generator).to(device, kind) for _ in range(2)
        )
        torch.mm(left, right)
        took: list[float] = []
        while sum(took) < _GEMM_SECONDS:
            began = time.perf_counter()
            result = torch.mm(left, right)
            # Waits for the device; one number of the result is enough.
            float(result[0, 0])
            took.append(time.perf_counter() - began)
        best = max(best, 2 * size**3 / min(took))
    return best


if __name__ == "__main__":
    if sys.argv[1:2] == ["gemm"]:
        print(json.dumps(_quickest(sys.argv[2], [int(each) for each in sys.argv[3:]])))
    else:
        main()
