import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_hub import FakeHub

from stemlift.errors import Reason, StemliftError
from stemlift.models.cachefiles import RepositoryFolder
from stemlift.models.download import download_bag, explain

REPOSITORY = "owner/name"


def test_no_transfer_begins_that_the_disk_cannot_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeHub() as hub:
        hub.put(REPOSITORY, "bag.yaml", b"models: [aaaa0001]")
        hub.put(REPOSITORY, "aaaa0001.safetensors", bytes(5_000_000))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
        with pytest.raises(StemliftError) as caught:
            download_bag(
                RepositoryFolder(tmp_path, REPOSITORY), hub.endpoint, "bag.yaml", lambda *_: None
            )
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
    known = explain(error, "https://hub.example", REPOSITORY)
    assert known is not None
    assert known.reason is reason
    assert REPOSITORY in known.message


def test_a_fault_of_ours_is_not_called_a_failed_download() -> None:
    assert explain(KeyError("etag"), "https://hub.example", REPOSITORY) is None


def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    with FakeHub(head_stalls=True) as hub:
        request = {
            "folder": str(tmp_path),
            "endpoint": hub.endpoint,
            "repository": REPOSITORY,
            "bag": "bag.yaml",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "stemlift.models.download"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        # Sends the line and closes stdin, as the end of the parent does.
        process.communicate(json.dumps(request).encode() + b"\n", timeout=60)
        assert process.returncode == 1
