"""What may be done with models: fetched in order, checked, imported, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.model_records import ImportRequest
from stemlift.jobs.models import IMPORTER, ModelDesk
from stemlift.jobs.progress import Estimate, ModelProgress, Sum
from stemlift.models.checking import FileCheck
from stemlift.models.library import Library
from stemlift.models.spec import ModelSpec
from stemlift.paths import Paths, paths_under

OWN = """
[[models]]
name = "one"
network = "bs_roformer"
stems = ["vocals", "other"]
files = [{ name = "one.ckpt", address = "https://a.test/one.ckpt", size = 100 }]

[[models]]
name = "two"
network = "mel_band_roformer"
stems = ["vocals", "other"]
files = [{ name = "two.ckpt", address = "https://a.test/two.ckpt", size = 300 }]

[[models]]
name = "both"
network = "ensemble"
stems = ["vocals", "other"]
sources = { vocals = { one = 1, two = 2 }, rest = "one" }

[[models]]
name = "half"
network = "ensemble"
stems = ["vocals"]
sources = { vocals = "nobody" }
"""

# As `models.importing` says it.
SAID = {
    "format": "A pair",
    "network": "bs_roformer",
    "files": ["/a.ckpt"],
    "stems": ["vocals", "other"],
    "sample_rate": 44100,
    "segment": None,
    "overlap": None,
    "parameters": 7,
    "size": 100,
    "warnings": ["Mind."],
    "entry": None,
}


@dataclass
class Files:
    """A store whose weights come and go by command."""

    folder: Path
    here: set[str] = field(default_factory=set)
    states: dict[str, list[str]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def installed(self, spec: ModelSpec) -> bool:
        return not spec.has_weights or spec.name in self.here

    def installed_bytes(self, spec: ModelSpec) -> int:
        return spec.download_bytes if spec.name in self.here else 0

    def fetch(self, spec: ModelSpec, progress: Callable[[int, int], None], cancelled) -> None:
        self.fetched.append(spec.name)
        if cancelled():
            raise StemliftError(Reason.CANCELLED, "Cancelled.")
        # One byte more than was announced.
        progress(0, spec.download_bytes + 1)
        progress(spec.download_bytes + 1, spec.download_bytes + 1)
        self.here.add(spec.name)

    def verify(self, spec: ModelSpec, progress, cancelled) -> tuple[FileCheck, ...]:
        default = ["ok" if spec.name in self.here else "missing"]
        return tuple(
            FileCheck(Path(f"/m/{spec.name}.{index}"), state, "aa" * 32, "bb" * 32)
            for index, state in enumerate(self.states.get(spec.name, default))
        )

    def remove(self, spec: ModelSpec, others) -> int:
        self.kept = [other.name for other in others]
        freed = self.installed_bytes(spec)
        self.here.discard(spec.name)
        return freed


@dataclass
class Memory:
    names: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def loaded_names(self) -> tuple[str, ...]:
        return tuple(self.names)

    def forget(self, name: str) -> tuple[str, ...]:
        gone = tuple(each for each in self.names if each == name and name not in self.used)
        self.names = [each for each in self.names if each not in gone]
        return gone

    @contextmanager
    def withheld(self, name: str) -> Iterator[bool]:
        self.forget(name)
        yield name not in self.used


@dataclass
class Bench:
    desk: ModelDesk
    files: Files
    memory: Memory
    paths: Paths
    told: list[ModelProgress] = field(default_factory=list)
    requests: list[dict] = field(default_factory=list)

    def child(self, module: str, request, progress, cancelled, *, what: str) -> dict:
        assert module == IMPORTER
        self.requests.append(dict(request))
        progress(50, 100)
        if not request["inspect_only"]:
            folder = Path(request["folder"]) / request["name"]
            folder.mkdir(parents=True)
            (folder / "model.json").write_text(
                f'{{"name": "{request["name"]}", "network": "bs_roformer",'
                ' "stems": ["vocals", "other"], "files": [{"name": "weights.safetensors"}]}'
            )
        return SAID


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    paths = paths_under(tmp_path)
    paths.models_file.write_text(OWN)
    files, memory = Files(paths.models), Memory()
    made = Bench(None, files, memory, paths)  # type: ignore[arg-type]
    made.desk = ModelDesk(Library(paths), files, memory, made.child)  # type: ignore[arg-type]
    return made


def never() -> bool:
    return False


def reason_of(action: Callable[[], object]) -> Reason:
    with pytest.raises(StemliftError) as caught:
        action()
    return caught.value.reason


def test_an_ensemble_is_as_present_as_its_parts(bench: Bench) -> None:
    def both():
        return {one.spec.name: one for one in bench.desk.listings()[0]}["both"]

    assert (both().installed, both().installed_bytes) == (False, 0)
    bench.files.here = {"one"}
    assert (both().installed, both().installed_bytes) == (False, 100)
    bench.files.here = {"one", "two"}
    bench.memory.names = ["one"]
    assert (both().installed, both().loaded, both().installed_bytes) == (True, False, 400)
    bench.memory.names = ["one", "two"]
    assert both().loaded
    # One that is not whole is listed, and says what it lacks where it is asked for.
    assert not bench.desk.get("half").installed
    assert reason_of(lambda: bench.desk.pull("half", bench.told.append, never)) == "MODEL_UNKNOWN"


def test_a_pull_of_an_ensemble_is_one_transfer(bench: Bench) -> None:
    listing = bench.desk.pull("both", bench.told.append, never)
    assert listing.installed
    assert bench.files.fetched == ["one", "two"]
    assert [(one.done, one.total) for one in bench.told] == [
        (0, 401),
        (101, 401),
        (101, 402),
        (402, 402),
    ]
    bench.desk.pull("both", bench.told.append, never)
    bench.desk.pull("spectral", bench.told.append, never)
    assert bench.files.fetched == ["one", "two"]


def test_a_cancelled_pull_goes_no_further(bench: Bench) -> None:
    assert reason_of(lambda: bench.desk.pull("both", bench.told.append, lambda: True)) == (
        "CANCELLED"
    )
    assert bench.files.fetched == ["one"]


def test_all_that_is_here_is_checked(bench: Bench) -> None:
    def checked(name: str = "") -> dict[str, str]:
        files = bench.desk.verify(name, bench.told.append, never)
        # What ships is checked, too, and this store knows nothing of it.
        return {f.path.name: f.state for f in files if f.model != "compact"}

    assert checked() == {}
    bench.files.here = {"one"}
    # What an unfinished transfer left of a model is no damage.
    bench.files.states = {"two": ["ok", "missing"]}
    assert checked() == {"one.0": "ok"}
    assert reason_of(lambda: checked("two")) == "MODEL_NOT_INSTALLED"
    # A damaged file is told even where it makes the model not installed.
    bench.files.states = {"two": ["damaged", "missing"]}
    assert checked() == {"one.0": "ok", "two.0": "damaged", "two.1": "missing"}
    assert checked("both") == checked()
    assert checked("spectral") == {}
    damaged, missing = bench.desk.verify("two", bench.told.append, never)
    assert "bbbb" in damaged.problem
    assert "aaaa" in damaged.problem
    assert missing.problem == "It is not there."


def test_an_import_becomes_a_model(bench: Bench, tmp_path: Path) -> None:
    bench.memory.names = ["mine"]
    asked = ImportRequest(tmp_path / "a.ckpt", name="mine", licence="CC0", commercial_use=True)
    found, listing = bench.desk.import_model(asked, bench.told.append, never)
    assert (found.format, found.segment, found.parameters) == ("A pair", 0, 7)
    assert found.warnings == ("Mind.",)
    assert listing is not None
    assert (listing.spec.name, listing.spec.origin) == ("mine", "imported")
    assert bench.memory.names == []
    assert bench.told == [ModelProgress(50, 100)]
    assert bench.requests == [
        {
            "path": str(tmp_path / "a.ckpt"),
            "config": None,
            "name": "mine",
            "title": "",
            "licence": "CC0",
            "commercial_use": True,
            "folder": str(bench.paths.models / "imported"),
            "inspect_only": False,
        }
    ]
    assert reason_of(lambda: bench.desk.import_model(asked, bench.told.append, never)) == (
        "MODEL_EXISTS"
    )


def test_only_looking_keeps_nothing(bench: Bench, tmp_path: Path) -> None:
    asked = ImportRequest(tmp_path / "a.ckpt", inspect_only=True)
    found, listing = bench.desk.import_model(asked, bench.told.append, never)
    assert (found.stems, listing) == (("vocals", "other"), None)
    asked = ImportRequest(tmp_path / "a.ckpt", name="htdemucs", inspect_only=True)
    found, _ = bench.desk.import_model(asked, bench.told.append, never)
    assert "takes the place of the htdemucs" in found.warnings[-1]


@pytest.mark.parametrize("name", ["", "auto", "rest", "../x", "A", "x/y", ".x", "a" * 65])
def test_names_that_no_model_can_have(bench: Bench, tmp_path: Path, name: str) -> None:
    asked = ImportRequest(tmp_path / "a.ckpt", name=name)
    assert reason_of(lambda: bench.desk.import_model(asked, bench.told.append, never)) == (
        "ARGUMENT_INVALID"
    )
    assert bench.requests == []


def test_paths_are_whole(bench: Bench) -> None:
    asked = ImportRequest(Path("a.ckpt"), name="mine")
    assert reason_of(lambda: bench.desk.import_model(asked, bench.told.append, never)) == (
        "ARGUMENT_INVALID"
    )


@pytest.mark.parametrize("too_long", [{"title": "x" * 201}, {"licence": "x" * 1001}])
def test_what_is_said_of_an_import_is_short(
    bench: Bench, tmp_path: Path, too_long: dict[str, str]
) -> None:
    asked = ImportRequest(tmp_path / "a.ckpt", name="new", **too_long)
    assert reason_of(lambda: bench.desk.import_model(asked, bench.told.append, never)) == (
        "ARGUMENT_INVALID"
    )
    assert not bench.requests


def test_what_is_removed_leaves_memory_first(bench: Bench) -> None:
    bench.files.here = {"one"}
    bench.memory.names, bench.memory.used = ["one"], {"one"}
    assert reason_of(lambda: bench.desk.remove("one")) == "MODEL_BUSY"
    assert bench.files.here == {"one"}
    bench.memory.used = set()
    assert bench.desk.remove("one") == 100
    assert bench.memory.names == []
    assert {"two", "htdemucs"} <= set(bench.files.kept)
    assert reason_of(lambda: bench.desk.remove("one")) == "MODEL_NOT_INSTALLED"
    with pytest.raises(StemliftError) as caught:
        bench.desk.remove("both")
    assert caught.value.remedy == "Remove its parts: one, two."
    assert reason_of(lambda: bench.desk.remove("spectral")) == "ARGUMENT_INVALID"
    assert reason_of(lambda: bench.desk.remove("nobody")) == "MODEL_UNKNOWN"


def test_time_left_counts_from_what_was_there_before() -> None:
    told: list[ModelProgress] = []
    moments = iter([0.0, 0.5, 2.0, 4.0])
    estimate = Estimate(told.append, clock=lambda: next(moments))
    for done in (600, 650, 700, 1000):
        estimate(done, 1000)
    # 100 bytes in two seconds, 300 to go.
    assert [one.seconds_left for one in told] == [None, None, 6.0, 0.0]


def test_a_sum_takes_each_parts_own_word_for_its_size() -> None:
    told: list[tuple[int, int]] = []
    total = Sum([10, 20], lambda done, size: told.append((done, size)))
    total.of(0)(5, 12)
    total.of(0)(12, 12)
    total.of(1)(1, 18)
    assert told == [(5, 32), (12, 32), (13, 30)]
