"""The peers: an environment of their own, the model where each looks for it, their commands.

`python -m tests.benchmarks.peers` makes the environment. Afterwards nothing needs the network:
the list that audio-separator fetches at its start is written beforehand, with this model in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from .machine import clean_environment
from .model import Model
from .places import BUILD

VENV = Path(os.environ.get("STEMLIFT_BENCH_PEERS", BUILD / "peers"))
_BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
_PYTHON = str(_BIN / "python")
_PINS = Path(__file__).with_name("peers.txt")
_DONE = VENV / "installed"
_OUT = BUILD / "peer-stems"
_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"

# The lists that audio-separator reads from that file, by its source. All may be empty.
_LISTS = (
    "vr_download_list",
    "mdx_download_list",
    "mdx_download_vip_list",
    "demucs_download_list",
    "mdx23c_download_list",
    "mdx23c_download_vip_list",
    "roformer_download_list",
)


@dataclass(frozen=True, slots=True)
class Peer:
    """One program.

    same_work: arguments with which it goes over the song once, as ours does; both repeat
        passes with shifted input by default.
    bare: arguments with which it writes the network's output as it is.
    """

    name: str
    same_work: tuple[str, ...]
    bare: tuple[str, ...]

    def command(self, model: Model, song: Path, *arguments: str) -> list[str]:
        """Its command line; with no more arguments, its defaults."""
        out = str(_OUT / self.name)
        if self is DEMUCS:
            repository = ("--repo", str(model.repository().folder), "-n", model.name)
            return [_PYTHON, "-m", "demucs", *repository, "-o", out, *arguments, str(song)]
        folder = ("--model_file_dir", str(_seeded(model)), "--output_dir", out)
        called = (_PYTHON, "-c", _CALL, str(song), "-m", f"{model.name}.yaml")
        return [*called, *folder, *arguments]

    def stems(self, model: Model, song: Path) -> dict[str, Path]:
        """What it wrote, by the stem's name."""
        if self is DEMUCS:
            folder = _OUT / self.name / model.name / song.stem
            return {file.stem: file for file in folder.glob("*.wav")}
        found = (_OUT / self.name).glob(f"{song.stem}_(*.wav")
        return {file.name.rpartition("(")[2].partition(")")[0].lower(): file for file in found}


# What its program `audio-separator` does; a script's first line does not survive every path.
_CALL = "import sys; sys.argv[0] = 'audio-separator'; from audio_separator.utils.cli import main; "
_CALL += "sys.exit(main())"

DEMUCS = Peer(
    "demucs",
    ("--shifts", "0"),
    ("--shifts", "0", "--float32", "--clip-mode", "none"),
)
AUDIO_SEPARATOR = Peer(
    "audio-separator",
    ("--demucs_shifts", "0"),
    (
        *("--demucs_shifts", "0", "--output_format", "WAV", "--use_soundfile"),
        *("--normalization", "1.0"),
    ),
)
PEERS = (DEMUCS, AUDIO_SEPARATOR)


def set_up() -> None:
    """Make the environment, with the torch of ours."""
    pins = _PINS.read_text(encoding="utf-8")
    torch = f"torch=={version('torch')}"
    wanted = f"{pins}{torch}\n"
    if _DONE.is_file() and _DONE.read_text(encoding="utf-8") == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [_PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
    pip += ["-r", str(_PINS), torch]
    done = subprocess.run(pip, check=False)
    if done.returncode:
        # Builds for the processor alone lie where PyTorch keeps them, or on a local mirror.
        subprocess.run([*pip, "--extra-index-url", _TORCH_INDEX], check=True)
    _DONE.write_text(wanted, encoding="utf-8")


def check() -> None:
    """End the program where the peers are not installed."""
    if not _DONE.is_file():
        raise SystemExit("The peers are not installed: run `python -m tests.benchmarks.peers`.")


def versions() -> dict[str, str]:
    """Of the peers and their torch."""
    words = "import json, sys; from importlib.metadata import version as v; "
    words += "print(json.dumps({n: v(n) for n in sys.argv[1:]}))"
    names = (*(peer.name for peer in PEERS), "torch")
    done = subprocess.run(
        [_PYTHON, "-c", words, *names], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def environment(model: Model) -> dict[str, str]:
    """With the peers' own programs first, as where their environment is activated."""
    path = f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    return clean_environment(PATH=path, **model.environment)


def _seeded(model: Model) -> Path:
    """The folder that audio-separator finds the model in, and its list of models."""
    made = model.repository()
    folder = BUILD / f"audio-separator-{model.name}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (made.weights, made.bag):
        target = folder / file.name
        if not target.is_file() or target.stat().st_size != file.stat().st_size:
            target.write_bytes(file.read_bytes())
    files = {made.bag.name: made.bag.name, made.weights.name: made.weights.name}
    lists: dict[str, dict[str, object]] = {name: {} for name in _LISTS}
    lists["demucs_download_list"] = {f"Demucs v4: {model.name}": files}
    (folder / "download_checks.json").write_text(json.dumps(lists), encoding="utf-8")
    return folder


if __name__ == "__main__":
    set_up()
