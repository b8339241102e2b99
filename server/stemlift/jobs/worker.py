"""Runs one job: model, separation, final names. The only user of torch among the jobs."""

from __future__ import annotations

import logging
import time
from functools import partial

from stemlift.jobs.control import JobControl
from stemlift.jobs.job import Job, JobResult, StemRecord
from stemlift.jobs.prepare import Prepared, check_free
from stemlift.jobs.store import JobStore
from stemlift.models.cache import ModelCache
from stemlift.models.hub import ModelStore
from stemlift.models.loader import load_model
from stemlift.separation.control import Stage
from stemlift.separation.devices import (
    DeviceChoice,
    choose_device,
    describe_devices,
    make_repeatable,
    torch_build,
)
from stemlift.separation.outputs import explained, remove_work, work_folder
from stemlift.separation.publishing import publish
from stemlift.separation.separate import Options, separate

logger = logging.getLogger(__name__)

# Memory a separation wants besides its weights; other models leave to make room for it.
LEAST_MEMORY = 2 << 30


class Worker:
    """Holds the device and the loaded models.

    Raises:
        StemliftError: DEVICE_UNAVAILABLE, ARGUMENT_INVALID for the device asked for.
    """

    def __init__(self, models: ModelStore, device: str) -> None:
        make_repeatable()
        self.device: DeviceChoice = choose_device(device)
        self.devices = describe_devices()
        self.torch_version, self.torch_cuda = torch_build()
        self.cache = ModelCache(partial(load_model, store=models))
        logger.info("device %s: %s", self.device.name, self.device.reason)

    def run(self, job: Job, prepared: Prepared, store: JobStore, control: JobControl) -> Job:
        """Run a job to its end.

        Raises:
            StemliftError: why it failed; its unfinished files are gone then.
        """
        began = time.monotonic()
        spec = prepared.spec
        folder = spec.output_folder
        assert folder is not None
        store.note_device(job.id, self.device.name, self.device.reason)
        # Set by a server that died among the renames: the final names are this job's own.
        replace = spec.overwrite or job.publishing
        if not replace:
            check_free(prepared.finals)
        work = work_folder(folder, job.id)
        options = Options(spec.mask, spec.precision, spec.batch, spec.format)
        try:
            with explained(folder):
                remove_work(work)
                work.mkdir(parents=True)
            self.cache.make_room(LEAST_MEMORY + 2 * prepared.model.download_bytes)
            control.report(Stage.LOADING, 0.0)

            def downloading(done: int, total: int) -> None:
                control.report(Stage.DOWNLOADING, done / total if total else 0.0)

            with self.cache.use(prepared.model, downloading, control.stop.is_set) as model:
                done = separate(
                    prepared.mix, prepared.plan, model, self.device.name, options, work, control
                )
            control.check()
            store.begin_publishing(job.id)
            moves = [(stem.file, prepared.finals[stem.stem]) for stem in done.stems]
            with explained(folder):
                publish(moves, replace=replace)
        except BaseException:
            if job.publishing and not spec.overwrite:
                for final in prepared.finals.values():
                    final.unlink(missing_ok=True)
            raise
        finally:
            remove_work(work)
        result = JobResult(
            stems=tuple(
                StemRecord(
                    stem=stem.stem,
                    path=prepared.finals[stem.stem],
                    peak_dbfs=stem.peak_dbfs,
                    rms_dbfs=stem.rms_dbfs,
                )
                for stem in done.stems
            ),
            sample_rate=done.sample_rate,
            channels=done.channels,
            frames=done.frames,
            start_frame=done.start_frame,
            null_dbfs=done.null_dbfs,
            encoding=done.encoding,
            mix_peak_dbfs=done.mix_peak_dbfs,
        )
        return store.succeed(job.id, result, done.device, done.batch, time.monotonic() - began)
