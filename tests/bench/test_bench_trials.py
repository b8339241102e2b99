"""The jobs of a measurement, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stemlift.bench.trials import Bench, Meter
from stemlift.errors import Reason, StemliftError


class LostJob:
    """A job whose server dies under it."""

    id = "0123456789abcdef"

    def __init__(self) -> None:
        self.cancelled = False

    def __iter__(self) -> Iterator[Any]:
        raise StemliftError(Reason.SERVER_LOST, "The connection was lost.", job_id=self.id)

    def cancel(self) -> None:
        self.cancelled = True

    def result(self, _timeout: float | None = None) -> Any:
        raise StemliftError(Reason.CANCELLED, "It was cancelled.", job_id=self.id)


def test_nobody_is_sent_to_a_job_that_is_forgotten(tmp_path: Path) -> None:
    job, forgotten = LostJob(), []
    client: Any = SimpleNamespace(separate=lambda *_, **__: job, delete=forgotten.append)
    model: Any = SimpleNamespace(name="spectral", sample_rate=8000)
    bench = Bench(client, 0, tmp_path, 1.0, Meter())
    with pytest.raises(StemliftError) as caught:
        list(bench.trials(model, lambda _setting, _share: None))
    assert caught.value.reason is Reason.SERVER_LOST
    assert caught.value.job_id is None
    assert job.cancelled
    assert forgotten == [job.id]
