"""Runs one job: model, separation, final names. The only user of torch among the jobs."""

from __future__ import annotations

import logging
import time

from stemlift.jobs.control import JobControl
from stemlift.jobs.job import Job, JobResult, StemRecord
from stemlift.jobs.prepare import Prepared, check_free
from stemlift.jobs.store import JobStore
from stemlift.models.cache import ModelCache
from stemlift.models.hub import ModelStore
from stemlift.models.loaded import LoadedModel
from stemlift.models.loader import load_model
from stemlift.models.spec import ModelSpec
from stemlift.separation.control import Stage
from stemlift.separation.devices import (
    DeviceChoice,
    choose_device,
    describe_devices,
    make_repeatable,
    torch_build,
)
from stemlift.separation.outputs import explained, publish, remove_work, work_folder
from stemlift.separation.separate import Options, separate

logger = logging.getLogger(__name__)


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
        self.cache = ModelCache()
        self._models = models
        logger.info("device %s: %s", self.device.name, self.device.reason)

    def load(self, spec: ModelSpec, control: JobControl) -> LoadedModel:
        """The model from memory, from the disk, or from the hub.

        Raises:
            StemliftError: DOWNLOAD_FAILED, DISK_FULL, CHECKPOINT_INVALID, CANCELLED.
        """

        def downloading(done: int, total: int) -> None:
            control.report(Stage.DOWNLOADING, done / total if total else 0.0)

        def build() -> LoadedModel:
            control.report(Stage.LOADING, 0.0)
            return load_model(spec, self._models, downloading, control.stop.is_set)

        return self.cache.get(spec, build)

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
        model = self.load(prepared.model, control)
        work = work_folder(folder, job.id)
        try:
            with explained(folder):
                remove_work(work)
                work.mkdir(parents=True)
            options = Options(spec.mask, spec.precision, spec.batch, spec.format)
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
