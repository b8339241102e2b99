"""A model under the settings that a job can have, one job after the other, until time is up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from stemlift.bench.sound import write_sound
from stemlift.errors import StemliftError
from stemlift.rpc.client import Client, RemoteJob
from stemlift.rpc.model_results import ModelInfo
from stemlift.rpc.results import SeparationResult

FIRST_SECONDS = 8
"""Of sound, in the job that loads the model: about a segment of most networks."""

LONGEST_SECONDS = 120
"""Of sound, in any job: its stems lie on the disk for a while."""

_CANCEL_SECONDS = 15.0
_SHARE = 7
"""So many jobs shall fit into the time of a model."""


@dataclass(frozen=True, slots=True)
class Setting:
    """precision: "auto", "fp32" or "bf16". batch: segments at a time; 0: the server chooses."""

    precision: str = "auto"
    batch: int = 0

    def __str__(self) -> str:
        batch = f", batch {self.batch}" if self.batch else ""
        return f"{self.precision}{batch}"


@dataclass(frozen=True, slots=True)
class Trial:
    """One job.

    sound_s: length of what was separated. elapsed_s: time that the separation took.
    precision: what the model was computed in, where the setting left it open.
    memory_bytes: the most that the server held at the moments it was looked at; 0: not known.
    loading: the model was loaded in it, so that it says little of speed.
    """

    setting: Setting
    sound_s: float
    elapsed_s: float
    precision: str
    device: str
    memory_bytes: int
    warnings: tuple[str, ...]
    loading: bool = False

    @property
    def speed(self) -> float:
        """Seconds of sound in a second."""
        return self.sound_s / max(self.elapsed_s, 1e-6)


AUTO = Setting()
BF16 = Setting("bf16")


def settings_for(device: str) -> tuple[Setting, ...]:
    """What is tried after `AUTO`, the most promising first.

    bf16 comes last: a processor that does not compute it by itself is slow in it.
    """
    batches = (2, 4) if device == "cpu" else (8, 16, 2)
    return (*(Setting("auto", batch) for batch in batches), Setting("fp32"), BF16)


class Bench:
    """Runs jobs on this user's server.

    folder: for sounds and stems. seconds: the time that one model may take.
    """

    def __init__(
        self, client: Client, pid: int, folder: Path, seconds: float, meter: Meter
    ) -> None:
        self._client = client
        self._folder = folder
        self._seconds = seconds
        self._meter = meter
        meter.pid = pid

    def trials(self, model: ModelInfo, begun: Callable[[Setting, float], None]) -> Iterator[Trial]:
        """The jobs of a model: one that loads it, one as the server chooses, then others.

        All but the first, and that in bf16, have one length: what a job costs besides its sound
        weighs more in a short one. Where another setting was faster than the server's choice,
        both have their turn again, since a machine may be busy for a while. A slow model ends
        with fewer, but never without one.

        Args:
            begun: called before each job with its setting and the share of the time that is gone.

        Raises:
            StemliftError: why a job failed.
        """
        begun(AUTO, 0.0)
        first = self._run(model, AUTO, FIRST_SECONDS, loading=True)
        yield first
        spent = first.elapsed_s

        def run(setting: Setting, seconds: int) -> Trial:
            nonlocal spent
            begun(setting, min(1.0, spent / self._seconds))
            trial = self._run(model, setting, seconds)
            spent += trial.elapsed_s
            return trial

        # As far as the loading lets it be seen, another such job takes as long.
        if spent + first.elapsed_s > self._seconds:
            return
        own = run(AUTO, FIRST_SECONDS)
        wanted = self._seconds / _SHARE * own.speed
        seconds = round(min(max(wanted, FIRST_SECONDS), LONGEST_SECONDS))
        if seconds > FIRST_SECONDS and spent + seconds / own.speed <= self._seconds:
            own = run(AUTO, seconds)
        else:
            seconds = FIRST_SECONDS
        yield own
        fastest, tried = own, {first.precision, own.precision}
        for setting in settings_for(first.device):
            if setting.batch == 0 and setting.precision in tried:
                continue
            if spent + own.elapsed_s > self._seconds:
                break
            trial = run(setting, FIRST_SECONDS if setting == BF16 else seconds)
            yield trial
            tried.add(trial.precision)
            if setting != BF16:
                fastest = max(fastest, trial, key=lambda each: each.speed)
        if fastest is not own:
            yield run(AUTO, seconds)
            yield run(fastest.setting, seconds)

    def _run(
        self, model: ModelInfo, setting: Setting, seconds: int, *, loading: bool = False
    ) -> Trial:
        sound = write_sound(self._folder, seconds, model.sample_rate)
        self._meter.most = 0
        job = self._client.separate(
            sound,
            model=model.name,
            precision=setting.precision,
            batch=setting.batch,
            out=self._folder / "stems",
            overwrite=True,
        )
        result = self._finish(job)
        return Trial(
            setting,
            result.frames / result.sample_rate,
            result.elapsed_s,
            result.precision or setting.precision,
            result.device,
            self._meter.most,
            result.warnings,
            loading,
        )

    def _finish(self, job: RemoteJob) -> SeparationResult:
        """Its result; leaving by an exception cancels it. Then it is forgotten."""
        try:
            for _ in job:
                pass
            return job.result()
        except BaseException as error:
            if isinstance(error, StemliftError):
                # It is forgotten below: nobody can look at it or go on with it.
                error.job_id = None
            with contextlib.suppress(StemliftError, TimeoutError, KeyboardInterrupt):
                job.cancel()
                job.result(_CANCEL_SECONDS)
            raise
        finally:
            # It would be one more line among the jobs of songs.
            with contextlib.suppress(StemliftError):
                self._client.delete(job.id)


class Meter:
    """Looks at the server's resident memory; `look` is for the client's heartbeat."""

    def __init__(self) -> None:
        self.pid = 0
        self.most = 0

    def look(self) -> None:
        # Gone, or of another machine.
        with contextlib.suppress(psutil.Error):
            if self.pid:
                self.most = max(self.most, psutil.Process(self.pid).memory_info().rss)
