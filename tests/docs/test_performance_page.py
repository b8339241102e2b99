"""docs/performance.md says what the benchmarks wrote, and nothing else."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from doc_pages import ROOT

sys.path.insert(0, str(ROOT / "docs"))

from performance_figures import FOLDER, charts, marks, read_results, with_figures

PAGE = ROOT / "docs" / "performance.md"
BENCHMARKS = ("whole_job", "memory", "latency", "overhead", "many_jobs", "growth", "peak", "sweep")

MACHINE = {
    "processor": "A Processor",
    "cores": 2,
    "features": ["avx512_bf16"],
    "memory_gb": 25.3,
    "system": "Linux x86_64",
    "torch": "2.13.0",
}


def median(value: float) -> dict[str, Any]:
    return {"median": value, "all": [value]}


FIGURES: dict[str, dict[str, Any]] = {
    "whole_job": {
        "seconds": {
            "warm": median(10.0),
            "cold": median(16.0),
            "demucs": median(25.0),
            "demucs, same work": median(24.0),
        },
        "times_faster": {
            "warm": {"demucs": 2.5, "demucs, same work": 2.4},
            "cold": {"demucs": 1.5625, "demucs, same work": 1.5},
        },
        "agreement": {"fp32": {"demucs": {"largest_difference": 2.5e-6, "worst_sdr_db": 101.25}}},
    },
    "memory": {
        "server_peak_bytes": {"60": 900e6, "600": 1000e6, "3600": 1010e6},
        "peer_peak_bytes": {"demucs": 4000e6},
        "peers_song_seconds": 600,
        "longest_to_middle": 1.01,
        "to_peer": {"demucs": 0.25},
    },
    "latency": {
        "first_progress_seconds": {"command": median(0.41), "client": median(0.02)},
        "item_seconds": median(3.21),
    },
    "overhead": {
        "fp32": {
            "seconds": {"network alone": median(60.0), "whole job": median(61.8)},
            "overhead": 0.03,
        }
    },
    "many_jobs": {
        "audio_seconds_per_second": {
            "one after the other": median(5.0),
            "all at once": median(5.25),
        },
        "jobs_passed_over": [0, 0, 0],
        "interactive_waited_for_jobs": 1,
    },
    "growth": {
        "seconds": {"30": median(4.0), "60": median(7.0)},
        "line": {
            "seconds_per_second": 0.1,
            "start_seconds": 1.0,
            "r_squared": 1.0,
            "worst_deviation": 0.012,
        },
    },
    "peak": {
        "flops_per_segment": 224e9,
        **{
            precision: {
                "network_flops_per_second": 1e11,
                "peak_flops_per_second": 2e11,
                "share_of_peak": 0.5,
                "threads": 2,
            }
            for precision in ("fp32", "bf16")
        },
    },
}
FIGURES["sweep"] = {
    "device": "cpu",
    "audio_seconds_per_second": {
        "fp32": {"1": median(3.0), "2": median(2.5)},
        "bf16": {"1": median(6.0), "2": median(6.25)},
    },
}
SETTING = {
    "song_seconds": 120,
    "item_seconds": 10,
    "jobs": 16,
    "peers": {"demucs": "4.1.0", "torch": "2.13.0"},
}


def result(name: str, **changes: Any) -> dict[str, Any]:
    told = {"benchmark": name, "date": "2026-01-02", "quick": False, "runs": 3}
    return told | {"machine": MACHINE, "setting": SETTING, "figures": FIGURES[name]} | changes


def write(folder: Path, name: str, **changes: Any) -> None:
    (folder / f"{name}.json").write_text(json.dumps(result(name, **changes)), encoding="utf-8")


def between(page: str, name: str) -> str:
    begin, end = marks(name)
    return page.partition(begin)[2].partition(end)[0]


def test_the_page_and_its_charts_are_those_of_the_files() -> None:
    results = read_results()
    page = PAGE.read_text(encoding="utf-8")
    assert with_figures(page, results) == page
    drawn = charts(results)
    assert {path.name for path in FOLDER.glob("*.svg")} == set(drawn)
    for name, picture in drawn.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == picture


def test_what_was_not_measured_claims_nothing() -> None:
    page = with_figures(PAGE.read_text(encoding="utf-8"), {})
    assert charts({}) == {}
    for name in BENCHMARKS:
        told = between(page, name)
        assert f"`python -m tests.benchmarks.{name}` does it" in told
        assert not re.search(r"\d", told)
        assert "performance/" not in told


def test_every_figure_is_that_of_its_file(tmp_path: Path) -> None:
    for name in BENCHMARKS:
        write(tmp_path, name)
    results = read_results(tmp_path)
    page = with_figures(PAGE.read_text(encoding="utf-8"), results)
    wanted = {
        "whole_job": ["| warm | 10.0 | 2.50 | 2.40 |", "| demucs | 25.0 |  |  |"],
        "memory": ["| Stemlift's server, 60 min | 1010 MB |", "1.01 times", "0.25 of demucs's"],
        "latency": ["| 0.41 |", "| the stems of 10 s of sound | 3.21 |"],
        "overhead": ["| fp32 | 60.0 s | 61.8 s | 3.0% |"],
        "many_jobs": ["| all at once | 5.25 |", "waited for 1 of them"],
        "growth": ["1.0 s and 0.100 s for each second", "1.2% from the line"],
        "peak": ["| bf16 | 100 GFLOP/s | 200 GFLOP/s | 50% | 2 |", "224 billion"],
        "sweep": ["| on cpu | batch 1 | batch 2 |", "| bf16 | 6.00 | 6.25 |"],
    }
    for name, words in wanted.items():
        told = between(page, name)
        assert all(each in told for each in words), told
        assert "Measured on 2026-01-02: A Processor, 2 cores (avx512_bf16), 25.3 GB" in told
        assert "demucs 4.1.0; medians of 3 runs." in told
    assert "| fp32 | demucs | 2.5e-06 | 101.2 dB |" in between(page, "whole_job")
    # The next run begins with the page of this one.
    assert with_figures(page, results) == page


def test_charts_are_pictures_in_proportion(tmp_path: Path) -> None:
    for name in BENCHMARKS:
        write(tmp_path, name)
    drawn = charts(read_results(tmp_path))
    assert set(drawn) == {"whole_job.svg", "memory.svg", "growth.svg"}
    for picture in drawn.values():
        ElementTree.fromstring(picture)
    shown = re.findall(r'<rect class="(ours|theirs)".*? width="([\d.]+)"', drawn["whole_job.svg"])
    assert [kind for kind, _ in shown] == ["ours", "ours", "theirs", "theirs"]
    warm, _, demucs, _ = (float(width) for _, width in shown)
    assert demucs / warm == pytest.approx(2.5, rel=1e-3)
    assert "10.0 s" in drawn["whole_job.svg"]


def test_figures_of_quick_runs_never_reach_the_page(tmp_path: Path) -> None:
    write(tmp_path, "latency", quick=True)
    with pytest.raises(ValueError, match=r"latency\.json"):
        read_results(tmp_path)
