"""All benchmarks, or those that are named: `python -m tests.benchmarks [--quick] [NAME…]`."""

from __future__ import annotations

import importlib
import sys

# The short ones first.
NAMES = ("latency", "peak", "sweep", "overhead", "whole_job", "many_jobs", "growth", "memory")


def main() -> None:
    options = [each for each in sys.argv[1:] if each.startswith("-")]
    named = [each for each in sys.argv[1:] if not each.startswith("-")]
    unknown = set(named) - set(NAMES)
    if unknown:
        raise SystemExit(f"There is no benchmark {sorted(unknown)}; there are {', '.join(NAMES)}.")
    for name in named or NAMES:
        importlib.import_module(f"tests.benchmarks.{name}").main(options)


if __name__ == "__main__":
    main()
