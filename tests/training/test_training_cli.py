"""`stemlift train` as a person uses it: from a recipe to a model that separates."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from training_songs import write_songs

from stemlift.cli.main import main
from stemlift.models.recognise import recognise

RECIPE = """
name = "tiny"
licence = "CC0-1.0"
[data]
songs = ["songs"]
[network]
bands = [8, 8, 16, 32, 65]
features = 8
dilations = [1]
kernel = 3
view = 4
n_fft = 256
hop = 128
[training]
steps = 3
segment = 0.2
batch = 1
validate_every = 3
log_every = 1
[loss]
transforms = [256]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_songs(tmp_path / "songs", "train", 2, 0.5)
    write_songs(tmp_path / "songs", "valid", 1, 0.5)
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from stemlift.cli.main import main\n"
        "main(['train', '--help']); main(['train', 'run', '--help'])\n"
        "print([n for n in sys.modules if n in ('torch', 'numpy', 'stemlift.training')],"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_from_a_recipe_to_a_model(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, weights = tmp_path / "run", tmp_path / "tiny.safetensors"
    command = ["train", "run", str(recipe), "--out", str(run), "--device", "cpu"]
    assert main([*command, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3]
    assert set(lines[-1]["sdr"]) == {"drums", "bass", "other", "vocals"}
    assert main(command) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    assert "mean SDR" in capsys.readouterr().err
    assert main(["train", "export", str(run), "-o", str(weights)]) == 0
    assert weights.with_suffix(".md").name in capsys.readouterr().err
    assert recognise(weights).stems == ("drums", "bass", "other", "vocals")


def test_what_is_wrong_is_told(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    assert main(["train", "run", "nonesuch", "--out", out]) == 2
    assert "compact" in capsys.readouterr().err
    command = ["train", "run", str(recipe), "--out", out, "--device", "cpu"]
    assert main([*command, "--songs", str(tmp_path / "empty")]) == 2
    assert "no songs" in capsys.readouterr().err
    assert main(["train", "export", out, "-o", str(tmp_path / "a.safetensors")]) == 2
    assert main(["train", "export", out, "-o", str(tmp_path / "a.ckpt")]) == 2
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob("a.*"))


@pytest.mark.parametrize("option", ["--out", "--songs", "--multitracks"])
def test_a_path_that_is_too_long_is_told(
    recipe: Path, tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    long = str(tmp_path / ("a" * 300))
    command = ["train", "run", str(recipe), "--device", "cpu", option, long]
    if option != "--out":
        command += ["--out", str(tmp_path / "run")]
    assert main(command) == 2
    assert "too long" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX")
def test_interrupted_it_can_be_resumed(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.replace("steps = 3", "steps = 100000"), encoding="utf-8")
    run = tmp_path / "run"
    command = ["train", "run", str(recipe), "--out", str(run), "--device", "cpu", "--json"]
    running = subprocess.Popen(
        [sys.executable, "-m", "stemlift", *command], stdout=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None
        first = json.loads(running.stdout.readline())
        assert first["step"] == 1
        running.send_signal(signal.SIGINT)
        running.communicate()
    finally:
        running.kill()
    assert running.returncode == 130
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    recipe.write_text(RECIPE.replace("steps = 3", f"steps = {max(steps) + 2}"), encoding="utf-8")
    assert main([*command, "--resume"]) == 0
    again = [
        line
        for line in map(json.loads, (run / "log.jsonl").read_text().splitlines())
        if "loss" in line
    ]
    assert [line["step"] for line in again] == list(range(1, max(steps) + 3))
