"""Which recipe a song has by where it lies, and what happens when a recipe changes or breaks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.watch.recipe import Recipe
from stemlift.watch.recipes import Recipes

MODELS = ("htdemucs_6s", "spectral", "my.own")


def recipes(inbox: Path, base: Recipe | None = None, *, allow_delete: bool = False) -> Recipes:
    return Recipes(inbox, base or Recipe(), models=MODELS, allow_delete=allow_delete)


def toml(folder: Path, text: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "stemlift.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(of: Recipes, relative: str) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        of.of(relative)
    assert caught.value.reason is Reason.RECIPE_INVALID
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("relative", "model", "stems"),
    [
        ("song.wav", "auto", ()),
        ("vocals", "auto", ()),
        ("Vocals/song.wav", "auto", ("vocals",)),
        ("karaoke/song.wav", "auto", ("vocals", "instrumental")),
        ("acapella/song.wav", "auto", ("vocals",)),
        ("HTDemucs_6s/guitar/song.wav", "htdemucs_6s", ("guitar",)),
        ("guitar/htdemucs_6s/song.wav", "htdemucs_6s", ("guitar",)),
        ("vocals/drums/song.wav", "auto", ("drums",)),
        ("spectral/auto/song.wav", "auto", ()),
        ("My Album/CD 1/song.wav", "auto", ()),
        ("my.own/song.wav", "my.own", ()),
        ("\udcff/vocals/\udcfe.wav", "auto", ("vocals",)),
    ],
)
def test_folders_are_recipes(
    tmp_path: Path, relative: str, model: str, stems: tuple[str, ...]
) -> None:
    recipe = recipes(tmp_path).of(relative)
    assert (recipe.model, recipe.stems) == (model, stems)


def test_a_name_is_the_same_composed_and_decomposed(tmp_path: Path) -> None:
    known = Recipes(tmp_path, Recipe(), models=["étude"])
    assert (
        known.of("E\u0301tude/song.wav").model == known.of("\u00c9tude/song.wav").model == "étude"
    )


def test_the_later_folder_wins_key_by_key(tmp_path: Path) -> None:
    toml(tmp_path, 'model = "spectral"\nformat = "flac"\nalso = ["rpp"]')
    toml(tmp_path / "vocals", 'original = "done"')
    toml(tmp_path / "vocals" / "deep", 'format = "wav"\nstems = ["vocals", "drums"]')
    base = Recipe(model="htdemucs_6s", mask="ratio")
    known = recipes(tmp_path, base)
    assert known.of("a.wav") == Recipe(model="spectral", format="flac", also=("rpp",), mask="ratio")
    assert known.of("vocals/a.wav") == Recipe(
        model="spectral",
        format="flac",
        also=("rpp",),
        mask="ratio",
        stems=("vocals",),
        original="done",
    )
    deep = known.of("vocals/deep/a.wav")
    assert (deep.format, deep.stems, deep.original) == ("wav", ("vocals", "drums"), "done")


def test_a_file_in_a_folder_wins_over_the_folders_name(tmp_path: Path) -> None:
    toml(tmp_path / "vocals", 'stems = ["bass"]')
    assert recipes(tmp_path).of("vocals/a.wav").stems == ("bass",)


def test_a_change_takes_effect_at_once(tmp_path: Path) -> None:
    known = recipes(tmp_path)
    assert known.of("a.wav").model == "auto"
    path = toml(tmp_path, 'model = "spectral"')
    assert known.of("a.wav").model == "spectral"
    path.write_text('model = "sp')
    assert "stemlift.toml" in refusal(known, "a.wav").message
    toml(tmp_path / "new", 'model = "my.own"').replace(path)
    assert known.of("a.wav").model == "my.own"
    path.unlink()
    assert known.of("a.wav").model == "auto"


def test_models_that_come_and_go(tmp_path: Path) -> None:
    known = recipes(tmp_path)
    assert known.of("mine/a.wav").model == "auto"
    known.models = ["mine"]
    assert known.of("mine/a.wav").model == "mine"


def test_a_broken_recipe_holds_only_its_own_folder(tmp_path: Path) -> None:
    toml(tmp_path / "bad", "stems = [")
    known = recipes(tmp_path)
    for _ in range(3):
        refusal(known, "bad/a.wav")
        refusal(known, "bad/deeper/a.wav")
    assert known.of("good/a.wav") == Recipe()


def test_an_error_that_is_raised_for_months_does_not_grow(tmp_path: Path) -> None:
    toml(tmp_path, "=")
    known = recipes(tmp_path)
    depths = []
    for _ in range(50):
        trace, depth = refusal(known, "a.wav").__traceback__, 0
        while trace is not None:
            trace, depth = trace.tb_next, depth + 1
        depths.append(depth)
    assert len(set(depths)) == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('modell = "x"', "'modell'"),
        ("model = 3", 'model: it is text in quotes, such as "3"'),
        ('model = ""', "model: it is empty"),
        ('model = "a/b"', "model: no such name can be"),
        ("model = true", "model: it is text"),
        ('stems = "vocals"', 'stems: it is a list, such as ["vocals"]'),
        ("stems = {}", "stems: it is a list"),
        ('stems = [""]', "stems.0: it is empty"),
        ('format = "mp3"', "format"),
        ('name = "../{stem}"', "name"),
        ('name = "{song}"', "{stem}"),
        ('name = "{artist} - {stem}"', "no {artist}"),
        ('original = "burn"', "original"),
        ('also = ["flac", "zip"]', "also.1"),
        ("channels = [0, 1, 2]", "channels: it is "),
        ('channels = "mono"', "such as [2, 3]"),
        ("[recipe]\nmodel = 'x'", "'recipe'"),
        ("model =\n", "line 1"),
        (b"model = '\xff'", "UTF-8"),
        ('model = "spectral"'.encode("utf-16"), "UTF-8"),
        (b"#" * 70_000, "64 KiB"),
        (b"a = " + b"[" * 20_000, ""),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str | bytes, named: str) -> None:
    path = toml(tmp_path / "x", text)
    message = refusal(recipes(tmp_path), "x/a.wav").message
    assert str(path) in message
    assert named in message
    assert not {"tuple", "literal", "pattern", "Input"} & set(re.findall(r"\w+", message))


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    toml(tmp_path, b'\xef\xbb\xbfmodel = "spectral"\r\n')
    assert recipes(tmp_path).of("a.wav").model == "spectral"


def test_originals_are_deleted_only_where_the_settings_allow_it(tmp_path: Path) -> None:
    toml(tmp_path, 'original = "delete"')
    assert "allow_delete" in refusal(recipes(tmp_path), "a.wav").remedy
    assert recipes(tmp_path, allow_delete=True).of("a.wav").original == "delete"
    with pytest.raises(StemliftError) as caught:
        recipes(tmp_path, Recipe(original="delete"))
    assert caught.value.reason is Reason.ARGUMENT_INVALID


def test_a_pipe_a_folder_and_a_link_to_itself_as_recipes(tmp_path: Path) -> None:
    for name in ("pipe", "folder", "link"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe" / "stemlift.toml")
    (tmp_path / "folder" / "stemlift.toml").mkdir()
    (tmp_path / "link" / "stemlift.toml").symlink_to("stemlift.toml")
    known = recipes(tmp_path)
    for name in ("pipe", "folder", "link"):
        assert name in refusal(known, f"{name}/a.wav").message


def test_a_recipe_that_may_not_be_read_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = toml(tmp_path, 'model = "spectral"')
    real = os.open

    def refuse(file: object, *args: object, **options: object) -> int:
        if os.fspath(file) == str(path):  # type: ignore[arg-type]
            raise PermissionError(13, "Permission denied", str(path))
        return real(file, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    assert "Permission denied" in refusal(recipes(tmp_path), "a.wav").message
