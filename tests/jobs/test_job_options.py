"""What the settings say of jobs that leave it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.job import JobSpec
from stemlift.jobs.worker import options_of
from stemlift.separation.options import Precision
from stemlift.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "settings.toml"
    file.write_text('precision = "bf16"\nbatch = 4\n', encoding="utf-8")
    return load_settings(file)


def test_settings_fill_in_what_a_job_leaves_open(settings: Settings, tmp_path: Path) -> None:
    open_ = options_of(JobSpec(input=tmp_path / "song.wav"), settings)
    assert (open_.precision, open_.batch) == (Precision.BF16, 4)


def test_what_a_job_names_wins(settings: Settings, tmp_path: Path) -> None:
    spec = JobSpec(input=tmp_path / "song.wav", precision=Precision.FP32, batch=1)
    named = options_of(spec, settings)
    assert (named.precision, named.batch) == (Precision.FP32, 1)


def test_without_settings_the_server_chooses(tmp_path: Path) -> None:
    options = options_of(JobSpec(input=tmp_path / "song.wav"), Settings())
    assert (options.precision, options.batch) == (Precision.AUTO, 0)


@pytest.mark.parametrize("line", ['precision = "fp16"', "batch = 65", "batch = -1", "batch = 1.5"])
def test_a_setting_that_cannot_be_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(line, encoding="utf-8")
    with pytest.raises(StemliftError, match=line.split()[0]) as caught:
        load_settings(file)
    assert caught.value.reason is Reason.SETTINGS_INVALID
