"""Which precision a network is computed in on which device.

bf16 halves the work of products where a processor multiplies it by itself, and loses little
where a network keeps what matters in fp32. `auto` takes it where the processor has it, for
networks that were measured. They were measured with random weights, not with trained ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from stemlift.separation.options import Precision

LEAST_SDR = 45.0
"""In dB, of bf16 against fp32: what `auto` may lose. A good separation has 5 to 12 dB to the
true stem, so its own errors have a thousand times the energy."""

MEASURED_SDR = {"QuickHTDemucs": 48.6}
"""In dB, of the worst stem: each network's output at bf16 against its own at fp32.

QuickHTDemucs: full size, random weights, on music, with inner branches from silent to half
as loud as their input; tests/networks/test_quick_demucs.py holds 45 dB at a smaller size.
Where a network is not listed, `auto` is fp32.
"""


def choose_precision(asked: Precision, network: nn.Module, device: str) -> Precision:
    """FP32 or BF16; what was asked for by name is taken on every device."""
    if asked is not Precision.AUTO:
        return asked
    keeps = MEASURED_SDR.get(type(network).__name__, 0.0) >= LEAST_SDR
    return Precision.BF16 if keeps and computes_bf16(device) else Precision.FP32


def computes_bf16(device: str) -> bool:
    """Whether the device multiplies bf16 by itself, rather than through fp32.

    Not so on Metal, where nothing was measured.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        # 8.0 is Ampere; what comes before it computes bf16 slowly.
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return kind == "cpu" and _cpu_computes_bf16()


def _cpu_computes_bf16() -> bool:
    # Older versions of torch do not tell; then it is taken for one that does not.
    ask: Callable[[], Mapping[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
    capabilities = ask()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
