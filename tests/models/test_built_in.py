"""Weights that ship inside the package, by a small model that is made up."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.models import ModelDesk
from stemlift.models.auto import choose_auto
from stemlift.models.cache import ModelCache
from stemlift.models.catalogue import Catalogue, parse_catalogue
from stemlift.models.library import Library
from stemlift.models.loaded import LoadedModel
from stemlift.models.loader import load_model
from stemlift.models.spec import Origin
from stemlift.models.store import ModelStore
from stemlift.networks.compact import Compact, CompactConfig
from stemlift.paths import Paths, paths_under
from stemlift.training.weights import write_weights

ROOT = Path(__file__).parents[2]

ENTRIES = """
[[models]]
name = "spectral"
network = "spectral"
stems = ["drums", "bass", "other", "vocals"]
rank = 0

[[models]]
name = "small"
network = "compact"
stems = ["drums", "bass", "other", "vocals"]
rank = 1
built_in = true
files = [{ name = "small.safetensors", size = SIZE, sha256 = "SUM" }]

[[models]]
name = "large"
network = "compact"
stems = ["drums", "bass", "other", "vocals"]
rank = 2
files = [{ name = "large.safetensors", address = "https://a.test/large.safetensors", size = 9 }]

[[models]]
name = "pair"
network = "ensemble"
stems = ["vocals", "other"]
sources = { vocals = "small", rest = "large" }
"""

CONFIG = CompactConfig(
    bands=(1,) * 16 + (497,), features=4, dilations=(1,), kernel=3, view=4, n_fft=1024, hop=256
)


@dataclass
class Shipped:
    folder: Path
    text: str
    paths: Paths

    @property
    def weights(self) -> Path:
        return self.folder / "small.safetensors"

    @property
    def store(self) -> ModelStore:
        return ModelStore(self.paths.models, offline=True)

    def catalogue(self, text: str = "") -> Catalogue:
        return parse_catalogue(text or self.text, self.folder)

    def desk(self) -> ModelDesk:
        library = Library(self.paths, self.catalogue())
        return ModelDesk(library, self.store, ModelCache(_nothing))


@pytest.fixture
def shipped(tmp_path: Path) -> Shipped:
    folder = tmp_path / "package"
    folder.mkdir()
    torch.manual_seed(7)
    weights = folder / "small.safetensors"
    size = write_weights(weights, Compact(CONFIG), half=True)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    text = ENTRIES.replace("SIZE", str(size)).replace("SUM", digest)
    return Shipped(folder, text, paths_under(tmp_path / "home"))


def _nothing(*_: object) -> LoadedModel:
    raise AssertionError("nothing is loaded by looking")


def never() -> bool:
    return False


def quiet(*_: object) -> None:
    """Nobody waits."""


def refusal(action) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        action()
    return caught.value


def test_it_is_here_without_a_download_and_takes_no_room_of_the_users(shipped: Shipped) -> None:
    spec = shipped.catalogue().get("small")
    assert (spec.built_in, spec.origin, spec.has_weights) == (True, Origin.CATALOGUE, True)
    assert shipped.store.installed(spec)
    model = load_model(spec, shipped.store, quiet, never)
    # As the loader has it from any other place: fp32 from fp16.
    (member,) = model.members
    assert isinstance(member.network, Compact)
    assert {each.dtype for each in member.network.parameters()} == {torch.float32}
    assert not shipped.paths.models.exists()
    listing = shipped.desk().get("small")
    assert (listing.installed, listing.auto_choice) == (True, True)
    assert listing.installed_bytes == shipped.weights.stat().st_size
    assert spec.download_bytes == 0
    # What an ensemble still has to fetch is its other part.
    assert shipped.catalogue().get("pair").download_bytes == 9
    assert shipped.desk().pull("small", quiet, never).installed


def test_it_is_better_than_signal_processing_and_worse_than_what_is_fetched(
    shipped: Shipped,
) -> None:
    catalogue = shipped.catalogue()
    assert choose_auto(catalogue, shipped.store.installed).spec.name == "small"
    assert choose_auto(catalogue, lambda spec: spec.name != "pair").spec.name == "large"


def test_a_built_in_model_is_checked_like_others_and_never_removed(shipped: Shipped) -> None:
    desk = shipped.desk()
    (check,) = desk.verify("", quiet, never)
    assert (check.model, check.path, check.state) == ("small", shipped.weights, "ok")
    error = refusal(lambda: desk.remove("small"))
    assert error.reason is Reason.ARGUMENT_INVALID
    assert "part of Stemlift" in error.message
    with pytest.raises(ValueError, match="built in"):
        shipped.store.remove(shipped.catalogue().get("small"))
    assert shipped.weights.is_file()
    changed = bytearray(shipped.weights.read_bytes())
    changed[-1] ^= 1
    shipped.weights.write_bytes(bytes(changed))
    (check,) = desk.verify("small", quiet, never)
    assert check.state == "damaged"
    assert "its content has changed" in check.problem


@pytest.mark.parametrize("cut", [None, 100])
def test_nothing_worse_takes_its_place_where_its_file_is_gone(
    shipped: Shipped, cut: int | None
) -> None:
    content = shipped.weights.read_bytes()
    shipped.weights.unlink()
    if cut:
        shipped.weights.write_bytes(content[:-cut])
    desk = shipped.desk()
    listings, auto = desk.listings()
    assert auto.spec.name == "small"
    assert {each.spec.name: each.installed for each in listings}["small"] is False
    for action in (
        lambda: load_model(auto.spec, shipped.store, quiet, never),
        lambda: desk.pull("small", quiet, never),
    ):
        error = refusal(action)
        assert error.reason is Reason.MODEL_NOT_INSTALLED
        assert "small.safetensors" in error.message
        assert "Install Stemlift again" in error.remedy
    (check,) = desk.verify("small", quiet, never)
    assert check.state == ("damaged" if cut else "missing")


def test_a_users_model_of_the_same_name_takes_its_place(shipped: Shipped) -> None:
    shipped.paths.models_file.parent.mkdir(parents=True, exist_ok=True)
    shipped.paths.models_file.write_text(
        '[[models]]\nname = "small"\nnetwork = "spectral"\nstems = ["vocals"]\n'
    )
    found = Library(shipped.paths, shipped.catalogue()).catalogue().get("small")
    assert (found.built_in, found.network) == (False, "spectral")


def test_only_what_ships_is_built_in(shipped: Shipped) -> None:
    shipped.paths.models_file.parent.mkdir(parents=True, exist_ok=True)
    own = shipped.text.replace('"spectral"\nnetwork', '"spectral2"\nnetwork')
    shipped.paths.models_file.write_text(own)
    error = refusal(Library(shipped.paths).catalogue)
    assert error.reason is Reason.SETTINGS_INVALID
    assert "there is no field “built_in”" in error.message


@pytest.mark.parametrize(
    "change",
    [
        ('"small.safetensors"', '"small.safetensors", address = "https://a.test/a"'),
        ('sha256 = "', 'sha256 = "0'),
        ("size = ", "# size = "),
        ("built_in = true", 'built_in = true\nrepository = "a/b"'),
        ("rank = 0", "rank = 0\nbuilt_in = true"),
    ],
)
def test_a_built_in_file_is_known_whole(shipped: Shipped, change: tuple[str, str]) -> None:
    assert change[0] in shipped.text
    with pytest.raises(ValueError, match=r"validation error|Invalid"):
        shipped.catalogue(shipped.text.replace(*change))


def test_a_wheel_carries_them(shipped: Shipped, tmp_path: Path) -> None:
    """Built from a copy without the other files, which takes a second."""
    source = tmp_path / "source"
    folder = source / "server" / "stemlift" / "models" / "builtin"
    folder.mkdir(parents=True)
    shutil.copy(shipped.weights, folder)
    (folder / "small.md").write_text("# small\n", encoding="utf-8")
    for package in (folder.parents[1], folder.parent):
        (package / "__init__.py").touch()
    (source / "reaper_scripts").mkdir()
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, tmp_path], cwd=source, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = "stemlift/models/builtin/small"
        assert archive.read(f"{inside}.safetensors") == shipped.weights.read_bytes()
        assert f"{inside}.md" in archive.namelist()
