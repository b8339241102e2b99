"""What benchmarks make of their runs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks import machine, results
from tests.benchmarks.agreement import agreement
from tests.benchmarks.growth import fit
from tests.benchmarks.many_jobs import passed_over


def test_runs_are_interleaved_and_none_is_always_first() -> None:
    begun: list[str] = []
    variants = {name: (lambda name=name: begun.append(name)) for name in "abc"}
    found = results.in_turn(3, variants, "test")
    assert "".join(begun) == "abcbcacab"
    assert {name: len(values) for name, values in found.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_line_is_found_and_a_bend_is_seen() -> None:
    lengths = [30, 60, 120, 240]
    line = fit(lengths, [2 + 0.25 * each for each in lengths])
    assert line["seconds_per_second"] == pytest.approx(0.25)
    assert line["start_seconds"] == pytest.approx(2)
    assert line["worst_deviation"] == 0
    assert fit(lengths, [each**2 for each in lengths])["worst_deviation"] > 0.5


def test_a_job_that_is_passed_over_is_counted() -> None:
    def job(created: int, started: int) -> SimpleNamespace:
        at = [datetime.fromtimestamp(each, UTC) for each in (created, started)]
        return SimpleNamespace(created=at[0], started=at[1])

    assert passed_over([job(3, 30), job(1, 10), job(2, 20)]) == 0
    assert passed_over([job(1, 40), job(2, 20), job(3, 30)]) == 1


def test_agreement_is_of_the_worst_stem(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    truth = 0.1 * random.standard_normal((1000, 2))
    files: dict[str, dict[str, Path]] = {"true": {}, "guess": {}}
    for stem, error in (("vocals", 0.0), ("drums", 0.01)):
        for kind, samples in (("true", truth), ("guess", truth + error)):
            files[kind][stem] = tmp_path / f"{kind}-{stem}.wav"
            soundfile.write(files[kind][stem], samples, 44100, subtype="DOUBLE")
    found = agreement(files["true"], files["guess"])
    assert found["largest_difference"] == pytest.approx(0.01)
    assert found["worst_sdr_db"] == pytest.approx(
        10 * np.log10(np.mean(truth**2) / 0.01**2), abs=0.01
    )
    with pytest.raises(ValueError, match="stems differ"):
        agreement(files["true"], {"vocals": files["guess"]["vocals"]})


def test_a_busy_machine_is_refused_unless_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "others_share", lambda: 0.8)
    with pytest.raises(SystemExit):
        results.order("growth", "", 3, [])
    assert "other programs take 80%" in capsys.readouterr().err
    assert "docs" not in results.order("growth", "", 3, ["--quick"]).file.parts
    monkeypatch.setattr(machine, "others_share", lambda: 0.02)
    assert results.order("growth", "", 3, []).file.parts[-3:-1] == ("docs", "performance")


def test_the_environment_of_what_is_measured_binds_no_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("STEMLIFT_THREADS", "1")
    environment = machine.clean_environment(STEMLIFT_HOME="here")
    assert "OMP_NUM_THREADS" not in environment
    assert "STEMLIFT_THREADS" not in environment
    assert environment["STEMLIFT_HOME"] == "here"
