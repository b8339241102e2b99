"""Names of stem files from templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.separation.naming import LONGEST, stem_file

SONG = Path("/music/My: song?.wav")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{stem}", "vocals.wav"),
        ("{song} - {stem}", "My: song? - vocals.wav"),
        ("a.b {stem}", "a.b vocals.wav"),
        ("{stem} (é)", "vocals (é).wav"),
    ],
)
def test_a_template_gives_a_plain_name(template: str, name: str) -> None:
    assert stem_file(Path("/out"), SONG, "vocals", "wav", template) == Path("/out") / name


@pytest.mark.parametrize(
    "template",
    [
        "",
        "song",
        "ab:{stem}",
        "{stem}*",
        'a"{stem}',
        "<{stem}>",
        "{stem}|",
        "{stem}?",
        "{stem}.",
        "{stem} ",
        "../{stem}",
        "a/{stem}",
        "a\\{stem}",
        "{stem}\n",
        "\0{stem}",
    ],
)
def test_what_is_no_plain_name_on_some_system_is_refused(template: str) -> None:
    with pytest.raises(StemliftError) as caught:
        stem_file(Path("/out"), SONG, "vocals", "wav", template)
    assert caught.value.reason is Reason.ARGUMENT_INVALID


def test_a_long_song_name_is_cut() -> None:
    name = stem_file(
        Path("/out"), Path("ü" * 200 + ".wav"), "vocals", "wav", "{song} - {stem}"
    ).name
    assert len(name.encode()) <= LONGEST
    assert name.endswith("ü - vocals.wav")
