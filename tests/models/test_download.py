import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_hub import FakeHub

from stemlift.errors import Reason, StemliftError
from stemlift.models.download import download
from stemlift.models.download_errors import explain
from stemlift.models.place import ModelPlace

REPOSITORY = "owner/name"


def test_no_transfer_begins_that_the_disk_cannot_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeHub() as hub:
        hub.put(REPOSITORY, "bag.yaml", b"models: [aaaa0001]")
        hub.put(REPOSITORY, "aaaa0001.safetensors", bytes(5_000_000))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
        place = ModelPlace(tmp_path, "model", REPOSITORY, "bag.yaml", ())
        with pytest.raises(StemliftError) as caught:
            download(place, hub.endpoint, lambda *_: None)
        assert hub.gets("aaaa0001.safetensors") == []
    assert caught.value.reason is Reason.DISK_FULL
    assert "5 MB" in caught.value.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), Reason.DISK_FULL),
        (PermissionError(errno.EACCES, "Permission denied"), Reason.WRITE_FAILED),
        (TimeoutError("timed out"), Reason.DOWNLOAD_FAILED),
        (OSError("Consistency check failed"), Reason.DOWNLOAD_FAILED),
    ],
)
def test_failures_have_a_reason(error: Exception, reason: Reason) -> None:
    known = explain(error, f"a file of {REPOSITORY}")
    assert known is not None
    assert known.reason is reason
    assert REPOSITORY in known.message


def test_a_fault_of_ours_is_not_called_a_failed_download() -> None:
    assert explain(KeyError("etag"), REPOSITORY) is None
