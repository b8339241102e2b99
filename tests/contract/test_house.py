"""The rules of the house: arrows, generated code, names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stemlift.errors import OUTCOMES, Exit, Reason, severity

ROOT = Path(__file__).parents[2]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_arrows_go_one_way() -> None:
    found = run("-c", "from importlinter.cli import lint_imports_command as c; c()")
    assert found.returncode == 0, found.stdout
    assert " 0 broken" in found.stdout


def test_generated_code_is_in_step_with_the_protos() -> None:
    found = run("proto/generate.py", "--check")
    assert found.returncode == 0, found.stderr


def test_every_reason_has_an_outcome() -> None:
    import grpc

    assert set(OUTCOMES) == set(Reason)
    for reason, outcome in OUTCOMES.items():
        assert reason.value == reason.name
        assert hasattr(grpc.StatusCode, outcome.grpc_code)


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ((Exit.DONE, Exit.BAD_INPUT), Exit.BAD_INPUT),
        ((Exit.BAD_INPUT, Exit.JOB_FAILED), Exit.JOB_FAILED),
        ((Exit.JOB_FAILED, Exit.SERVER), Exit.SERVER),
        ((Exit.FAULT, Exit.CANCELLED), Exit.CANCELLED),
    ],
)
def test_the_worst_exit_code_wins(codes: tuple[int, ...], worst: int) -> None:
    assert max(codes, key=severity) == worst
    assert max(reversed(codes), key=severity) == worst


def test_nothing_of_torch_below_the_engine() -> None:
    """What runs in front of the server starts without torch."""
    modules = (
        "stemlift, stemlift.cli.main, stemlift.rpc.client, stemlift.rpc.aio, stemlift.audio.probe"
    )
    found = run("-c", f"import sys, {modules}; print('torch' in sys.modules)")
    assert found.stdout.strip() == "False", found.stderr
