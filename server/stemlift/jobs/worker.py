"""Runs one job: model, separation, final names. The only user of torch among the jobs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from stemlift.jobs.control import JobControl
from stemlift.jobs.job import Job, JobResult, JobSpec, StemRecord
from stemlift.jobs.prepare import Prepared, check_free
from stemlift.jobs.publication import publish_job
from stemlift.models.cache import ModelCache
from stemlift.models.ensemble import combine
from stemlift.models.loaded import LoadedModel
from stemlift.models.loader import load_model
from stemlift.models.spec import Network
from stemlift.models.store import ModelStore
from stemlift.separation.control import Stage
from stemlift.separation.devices import (
    DeviceChoice,
    choose_device,
    describe_devices,
    make_repeatable,
    torch_build,
)
from stemlift.separation.lanes import close_lanes, halve_cpu, make_lanes
from stemlift.separation.options import Precision
from stemlift.separation.outputs import explained, remove_work, work_folder
from stemlift.separation.separate import Options, Separation, separate
from stemlift.settings import Settings
from stemlift.system.allocation import give_back_freed_memory

logger = logging.getLogger(__name__)

# Memory a separation wants besides its weights; other models leave to make room for it.
LEAST_MEMORY = 2 << 30


class Worker:
    """Holds the device and the loaded models; call `close` once.

    Raises:
        StemliftError: DEVICE_UNAVAILABLE, ARGUMENT_INVALID for the device asked for.
    """

    def __init__(self, models: ModelStore, settings: Settings) -> None:
        make_repeatable()
        self.device: DeviceChoice = choose_device(settings.device)
        self.devices = describe_devices()
        self.torch_version, self.torch_cuda = torch_build()
        names = (self.device.name, *self.device.alike)
        self._lanes = halve_cpu() if names == ("cpu",) else make_lanes(names)
        limit = int(settings.model_memory * 1e9)
        self._settings = settings
        self.cache = ModelCache(partial(load_model, store=models), limit=limit)
        logger.info("device %s: %s", self.device.name, self.device.reason)

    def close(self) -> None:
        """End the threads of the devices, after what they are at."""
        close_lanes(self._lanes)

    def run(
        self,
        job: Job,
        prepared: Prepared,
        control: JobControl,
        begin_publishing: Callable[[JobResult, str, int, float], None],
    ) -> None:
        """Separate a job's mix and give the stems their names.

        Args:
            begin_publishing: records the complete result, device, batch and elapsed seconds
                before the first stem gets its name.

        Raises:
            StemliftError: why it failed.
        """
        began = time.monotonic()
        spec = prepared.spec
        folder = spec.output_folder
        assert folder is not None
        if not spec.overwrite:
            check_free(prepared.finals)
        work = work_folder(folder, job.id)
        options = options_of(spec, self._settings)
        with explained(folder):
            remove_work(work)
            work.mkdir(parents=True)
        self.cache.make_room(
            LEAST_MEMORY + 2 * prepared.model.download_bytes,
            keep=[part.name for part in prepared.parts],
        )
        control.report(Stage.LOADING, 0.0)

        def downloading(done: int, total: int) -> None:
            control.report(Stage.DOWNLOADING, done / total if total else 0.0)
            if done == total:
                control.report(Stage.LOADING, 0.0)

        try:
            with self._model(prepared, downloading, control.stop.is_set) as model:
                done = separate(
                    prepared.mix, prepared.plan, model, self._lanes, options, work, control
                )
        finally:
            give_back_freed_memory()
        control.check()
        result = _result(done, prepared.finals)
        begin_publishing(result, done.device, done.batch, time.monotonic() - began)
        publish_job(job.id, spec, result)

    @contextmanager
    def _model(
        self,
        prepared: Prepared,
        downloading: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> Iterator[LoadedModel]:
        """The job's model, in memory until the block ends; an ensemble with all its parts."""
        with ExitStack() as stack:
            parts = {
                part.name: stack.enter_context(self.cache.use(part, downloading, cancelled))
                for part in prepared.parts
            }
            ensemble = prepared.model.network is Network.ENSEMBLE
            yield combine(prepared.model, parts) if ensemble else parts[prepared.model.name]


def options_of(spec: JobSpec, settings: Settings) -> Options:
    """How a job is computed: as it says, and as the settings say where it leaves that open."""
    asked = spec.precision
    precision = Precision(settings.precision) if asked is Precision.AUTO else asked
    return Options(spec.mask, precision, spec.batch or settings.batch, spec.format)


def _result(done: Separation, finals: dict[str, Path]) -> JobResult:
    stems = tuple(
        StemRecord(
            stem=stem.stem,
            path=finals[stem.stem],
            peak_dbfs=stem.peak_dbfs,
            rms_dbfs=stem.rms_dbfs,
        )
        for stem in done.stems
    )
    return JobResult(
        stems=stems,
        sample_rate=done.sample_rate,
        channels=done.channels,
        frames=done.frames,
        start_frame=done.start_frame,
        null_dbfs=done.null_dbfs,
        encoding=done.encoding,
        mix_peak_dbfs=done.mix_peak_dbfs,
        precision=done.precision,
    )
