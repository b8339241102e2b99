"""The scripts on their way to users: in a wheel, and in ReaPack's list."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from stemlift.reaper.install.scripts import MAIN, shipped_folder, shipped_scripts

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "reaper_scripts"


@pytest.fixture(scope="module")
def reapack() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reapack_index", SCRIPTS / "index.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_wheel_carries_every_script(tmp_path: Path) -> None:
    """Built from a copy without the other files, which takes a second."""
    source = tmp_path / "source"
    shutil.copytree(SCRIPTS, source / "reaper_scripts")
    package = source / "server" / "stemlift"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])",
            tmp_path,
        ],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (record,) = (name for name in names if name.endswith("entry_points.txt"))
        points = archive.read(record).decode()
    expected = {
        f"stemlift/reaper_scripts/{path.relative_to(SCRIPTS).as_posix()}"
        for path in SCRIPTS.rglob("*.lua")
    }
    assert f"stemlift/reaper_scripts/{MAIN}" in expected
    assert expected <= names
    assert not [name for name in names if name.startswith("reaper_scripts")]
    assert "[gui_scripts]\nstemlift-reaperw =" in points


def test_a_checkout_has_its_scripts_at_hand() -> None:
    assert shipped_folder() == SCRIPTS
    names = [script.name for script in shipped_scripts()]
    assert MAIN in names
    assert all(name.endswith(".lua") for name in names)
    assert any(name.startswith("lib/") for name in names)


def test_the_list_for_reapack_is_in_step(reapack: ModuleType) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "index.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    version = ET.parse(SCRIPTS / "index.xml").getroot().find("category/reapack/version")
    assert version is not None
    files = {source.get("file", MAIN): source.get("main") for source in version}
    shipped = {script.name: script.is_action for script in shipped_scripts()}
    assert {name: main == "main" for name, main in files.items()} == shipped
    assert version.get("name") == reapack.version_of_program()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("-- @version 1.0\n", "no @description"),
        ("-- @description Stemlift: X\n-- @version 2.0\n", "version 2.0, not 1.0"),
        ("-- @description X\n-- @version 1.0\n", "must begin"),
        ("-- @description Stemlift: X\n-- @description Y\n", "twice"),
        ("local x\n-- @version 1.0\n", "no @version"),
    ],
)
def test_a_header_that_lacks_something_is_refused(
    reapack: ModuleType, tmp_path: Path, header: str, words: str
) -> None:
    (tmp_path / MAIN).write_text(header)
    with pytest.raises(reapack.HeaderError, match=words):
        reapack.index(tmp_path, "1.0")


def test_the_list_holds_any_text(reapack: ModuleType, tmp_path: Path) -> None:
    header = '-- @description Stemlift: <&" é\n-- @version 1.0\n-- @author A & B\n-- @about\n'
    (tmp_path / MAIN).write_text(header + "--   {rich} \\ text\n--   🎸 é\n\nlocal x\n", "utf-8")
    (tmp_path / "Stemlift_Ö… (x).lua").write_text(header + "--   x\n", "utf-8")
    root = ET.fromstring(reapack.index(tmp_path, "1.0"))
    package = root.find("category/reapack")
    assert package is not None
    assert package.get("desc") == 'Stemlift: <&" é'
    about = "{\\rtf1\\ansi \\{rich\\} \\\\ text\\line \\u-10180?\\u-8264? \\u233?\\par}"
    assert root.findtext("category/reapack/metadata/description") == about
    (address,) = [source.text for source in package.iter("source") if source.get("file")]
    assert address.endswith("/v1.0/reaper_scripts/Stemlift_%C3%96%E2%80%A6%20%28x%29.lua")
