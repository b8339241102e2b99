"""The user's own entries and imports beside the shipped ones, as the files are now."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.models.library import Library
from stemlift.models.spec import MaskKind, Origin
from stemlift.paths import Paths, paths_under

OWN = """
[[models]]
name = "mine"
network = "open_unmix"
stems = ["vocals", "other"]
files = [{name = "vocals-12345678.pth", address = "https://example.org/vocals-12345678.pth"}]
"""

BOTH = """
[[models]]
name = "both"
network = "ensemble"
stems = ["drums", "bass", "other", "vocals"]
sources = {vocals = {htdemucs_ft = 2, mine = 1}, rest = "htdemucs"}
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return paths_under(tmp_path)


def write(paths: Paths, text: str) -> None:
    paths.models_file.write_text(text, encoding="utf-8")


def put_import(paths: Paths, name: str, **changes: object) -> Path:
    entry = {
        "name": name,
        "network": "demucs",
        "stems": ["vocals", "other"],
        "files": [{"name": "a.safetensors"}],
    } | changes
    folder = paths.models / "imported" / name
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(entry), encoding="utf-8")
    return folder


def test_without_files_of_the_users_it_is_the_shipped_catalogue(paths: Paths) -> None:
    assert {spec.origin for spec in Library(paths).catalogue().models} == {Origin.CATALOGUE}


def test_an_entry_takes_effect_at_once_and_leaves_at_once(paths: Paths) -> None:
    library = Library(paths)
    with pytest.raises(StemliftError, match="There is no model called “mine”"):
        library.catalogue().get("mine")
    write(paths, OWN)
    mine = library.catalogue().get("mine")
    assert (mine.origin, mine.rank, mine.licence) == (Origin.USER, -1, "Not stated")
    assert mine.masks == (MaskKind.COMPLEX, MaskKind.RATIO, MaskKind.BINARY)
    folder = put_import(paths, "imported_one")
    found = library.catalogue().get("imported_one")
    assert (found.origin, found.folder) == (Origin.IMPORTED, folder)
    (folder / "model.json").unlink()
    paths.models_file.unlink()
    names = {spec.name for spec in library.catalogue().models}
    assert not names & {"mine", "imported_one"}


def test_an_own_entry_takes_the_place_of_a_shipped_one(paths: Paths) -> None:
    write(paths, OWN.replace('"mine"', '"htdemucs"'))
    assert Library(paths).catalogue().get("htdemucs").stems == ("vocals", "other")


def test_what_an_import_has_not_finished_is_not_there(paths: Paths) -> None:
    put_import(paths, ".staged")
    (paths.models / "imported" / "half").mkdir()
    assert {spec.origin for spec in Library(paths).catalogue().models} == {Origin.CATALOGUE}


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "bad"}', "\0"])
def test_a_damaged_import_leaves_all_others_alone(paths: Paths, content: str) -> None:
    put_import(paths, "good")
    folder = put_import(paths, "bad")
    (folder / "model.json").write_text(content, encoding="utf-8")
    catalogue = Library(paths).catalogue()
    assert catalogue.get("good").origin is Origin.IMPORTED
    with pytest.raises(StemliftError) as caught:
        catalogue.get("bad")
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert str(folder) in caught.value.remedy


def test_an_ensemble_has_its_parts(paths: Paths) -> None:
    write(paths, OWN + BOTH)
    catalogue = Library(paths).catalogue()
    both = catalogue.get("both")
    names = [spec.name for spec in catalogue.parts(both)]
    assert names == ["htdemucs", "htdemucs_ft", "mine"]
    assert both.masks == (MaskKind.COMPLEX, MaskKind.RATIO, MaskKind.BINARY)
    assert catalogue.parts(catalogue.get("mine")) == (catalogue.get("mine"),)


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        (BOTH, Reason.MODEL_UNKNOWN, "both needs the model “mine”, which is not here"),
        (
            OWN + BOTH.replace('rest = "htdemucs"', 'rest = "mine"'),
            Reason.SETTINGS_INVALID,
            "“mine” gives no stem “drums”",
        ),
        (
            OWN.replace("files", "sample_rate = 48000\nfiles") + BOTH,
            Reason.SETTINGS_INVALID,
            "another sample rate, 48000 Hz",
        ),
        (
            OWN + BOTH + BOTH.replace('"both"', '"more"').replace("htdemucs_ft", "both"),
            Reason.SETTINGS_INVALID,
            "“both” is an ensemble itself",
        ),
    ],
)
def test_an_ensemble_that_cannot_be_says_why_when_it_is_asked_for(
    paths: Paths, text: str, reason: Reason, message: str
) -> None:
    write(paths, text)
    catalogue = Library(paths).catalogue()
    name = "more" if '"more"' in text else "both"
    with pytest.raises(StemliftError, match=message) as caught:
        catalogue.parts(catalogue.get(name))
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[models]", "line 1"),
        ('[[models]]\nname = "a"', "the entry “a”: the field “network” is missing"),
        ("[[models]]\nrank = 1", "entry 1: the field “name” is missing"),
        (OWN.replace("stems", "stem"), "the entry “mine”: there is no field “stem”"),
        (OWN.replace('"mine"', '"Mine or yours"'), "“name” cannot be 'Mine or yours'"),
        (OWN.replace('"mine"', '"spectral"'), "“spectral” is the model that is always there"),
        (OWN.replace('["vocals", "other"]', '"vocals"'), "“stems” must be a list"),
        (OWN + BOTH.replace("mine = 1", "mine = -1"), "“sources.vocals.mine”: input should be gr"),
        (OWN + BOTH.replace("mine = 1", "mine = nan"), "“sources.vocals.mine”"),
        (OWN.replace('"mine"', '"auto"'), "“auto” means something else"),
        (OWN.replace('"mine"', '"lpt1.old"'), "“lpt1.old” is a device of Windows"),
        (OWN.replace('"mine"', '"mine."'), "name"),
        (OWN.replace("https://", "file:///"), "address"),
        (OWN.replace('{name = "vocals', '{name = "../vocals'), "name"),
        (OWN + OWN, "two models share the name “mine”"),
        ("name = 1", "there is no field “name”"),
        ("models = 1", "“models” must be a list"),
        ("#" * 2**21, "it is far too large"),
    ],
)
def test_a_wrong_models_file_is_named_with_its_first_fault(
    paths: Paths, text: str, message: str
) -> None:
    write(paths, text)
    with pytest.raises(StemliftError) as caught:
        Library(paths).catalogue()
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert str(paths.models_file) in caught.value.message
    assert message in caught.value.message


def test_a_models_file_that_is_no_file_is_refused(paths: Paths) -> None:
    paths.models_file.mkdir()
    with pytest.raises(StemliftError, match="it is no plain file"):
        Library(paths).catalogue()
    if hasattr(os, "mkfifo"):
        paths.models_file.rmdir()
        os.mkfifo(paths.models_file)
        with pytest.raises(StemliftError, match="it is no plain file"):
            Library(paths).catalogue()


def test_a_models_file_in_another_encoding_is_said_to_be(paths: Paths) -> None:
    paths.models_file.write_bytes('title = "caf\xe9"'.encode("latin-1"))
    with pytest.raises(StemliftError, match="it is not in UTF-8"):
        Library(paths).catalogue()
