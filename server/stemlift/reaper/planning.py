"""From a request to jobs, and from their stems to the import: the pure core.

The same request always gives the same plan. Nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from stemlift.reaper.clone import Guids, random_guids, repeatable_guids
from stemlift.reaper.facts import Request
from stemlift.reaper.importing import Separated, Supply, import_plan
from stemlift.reaper.naming import (
    check_length,
    job_key,
    longest_name,
    name_template,
    output_folder,
    pure,
    stem_path,
)
from stemlift.reaper.notices import notices
from stemlift.reaper.plan import ImportPlan, Plan, PlannedJob
from stemlift.reaper.ranges import END_SLACK, LEAST_HANDLE, Span, job_spans
from stemlift.reaper.selection import Selection, Wanted, select

USUAL_STEMS = ("vocals", "drums", "bass", "other")
"""Taken for a preview where all stems are asked for and nobody said which the model has."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a job will give, as far as it can be told."""

    stems: Mapping[str, PurePath]
    sample_rate: int
    start_frame: int
    frames: int


def make_plan(
    request: Request,
    stems: Sequence[str] = (),
    earlier: Sequence[PlannedJob] = (),
    *,
    join: bool = False,
) -> Plan:
    """The jobs for a request, and a preview of the import.

    Args:
        stems: of the model, for the preview of a request for all of them.
        earlier: jobs of another plan whose stems serve again where they hold what is asked for.
        join: as of `import_plan`.

    Raises:
        StemliftError: ARGUMENT_INVALID for a request that means nothing, naming the field;
            PATH_UNSUPPORTED for a media folder that leaves no room for the names of stems.
    """
    selection = select(request)
    found = {one.item.guid: _job_of(one, earlier) for one in selection.wanted}
    again = {job.key: job for job in found.values() if job is not None}
    fresh = _jobs(request, [one for one in selection.wanted if found[one.item.guid] is None])
    jobs = [*again.values(), *(job for job in fresh if job.key not in again)]
    names = request.choices.stems or tuple(stems) or USUAL_STEMS
    if request.choices.remainder == "separate" and "remainder" not in names:
        names = (*names, "remainder")
    for each in jobs:
        for stem in names:
            check_length(stem_path(each.output_folder, each.name_template, stem))
    taken, offers = _others(request, selection, jobs)
    supplies = [
        Supply(one, job, _expected(one, job, names))
        for one in (*selection.wanted, *taken)
        if (job := _job_of(one, jobs)) is not None
    ]
    seed = job_key(*(job.key for job in jobs), *(one.wanted.item.guid for one in supplies))
    return Plan(
        jobs=tuple(jobs),
        skipped=selection.skipped,
        notices=notices(request, [supply.wanted for supply in supplies]),
        offers=tuple(one.item.guid for one in offers),
        preview=import_plan(
            request, _ordered(request, supplies), repeatable_guids(seed), join=join
        ),
    )


def finish_plan(
    request: Request,
    plan: Plan,
    results: Mapping[str, Separated],
    guids: Guids = random_guids,
    *,
    join: bool = False,
) -> ImportPlan:
    """The import with the files that the jobs really wrote.

    results: by the key of the job. Items of a job that is not among them stay as they are.

    Raises:
        StemliftError: as `make_plan` and `import_plan`.
    """
    selection = select(request)
    taken, _ = _others(request, selection, plan.jobs)
    supplies = [
        Supply(one, job, results[job.key])
        for one in (*selection.wanted, *taken)
        if (job := _job_of(one, plan.jobs)) is not None and job.key in results
    ]
    return import_plan(request, _ordered(request, supplies), guids, join=join)


def _jobs(request: Request, wanted: Sequence[Wanted]) -> list[PlannedJob]:
    groups: dict[tuple[str, str, int, int], list[Wanted]] = {}
    for one in wanted:
        groups.setdefault(one.group, []).append(one)
    jobs: list[PlannedJob] = []
    for members in groups.values():
        source = members[0].source
        rate = source.sample_rate
        length = round(source.length * rate) if source.length and rate > 0 else None
        handle = round(max(request.choices.handles, LEAST_HANDLE) * rate)
        spans = job_spans([one.span for one in members], handle, length, round(END_SLACK * rate))
        jobs += [_job(request, members[0], span) for span in spans]
    return jobs


def _job(request: Request, one: Wanted, span: Span) -> PlannedJob:
    choices, channels, path = request.choices, one.channels, one.source.path
    key = job_key(
        path,
        span.start,
        span.frames,
        channels.mode,
        channels.first,
        channels.second,
        choices.model,
        ",".join(choices.stems),
        choices.remainder,
        choices.mask or "",
    )
    rate = max(one.source.sample_rate, 1)
    end = None if span.end is None else span.end / rate
    media_folder = choices.media_folder or request.project.media_folder
    return PlannedJob(
        key=key,
        input=path,
        start_frame=span.start,
        frames=span.frames,
        channel_mode=channels.mode,
        channel_first=channels.first,
        channel_second=channels.second,
        model=choices.model,
        stems=choices.stems,
        remainder=choices.remainder,
        mask=choices.mask,
        output_folder=output_folder(media_folder, path),
        name_template=name_template(path, span.start / rate, end, key, longest_name(media_folder)),
    )


def _job_of(one: Wanted, jobs: Sequence[PlannedJob]) -> PlannedJob | None:
    channels = one.channels
    for job in jobs:
        end = job.start_frame + job.frames if job.frames else None
        if (
            pure(job.input) == pure(one.source.path)
            and (job.channel_mode, job.channel_first, job.channel_second)
            == (channels.mode, channels.first, channels.second)
            and Span(job.start_frame, end).holds(one.span)
        ):
            return job
    return None


def _others(
    request: Request, selection: Selection, jobs: Sequence[PlannedJob]
) -> tuple[list[Wanted], list[Wanted]]:
    """Other items whose range is separated anyway: those that get stems, those to offer."""
    held = [one for one in selection.others if _job_of(one, jobs) is not None]
    if request.choices.also_same_source:
        return held, []
    # A muted one has its stems already, or nobody misses them.
    return [], [one for one in held if not one.whole.muted]


def _ordered(request: Request, supplies: Sequence[Supply]) -> list[Supply]:
    places = {track.guid: track.index for track in request.tracks}
    return sorted(
        supplies, key=lambda one: (places[one.wanted.item.track], one.wanted.whole.position)
    )


def _expected(one: Wanted, job: PlannedJob, stems: Sequence[str]) -> Expected:
    rate = max(one.source.sample_rate, 1)
    length = round((one.source.length or 0.0) * rate)
    return Expected(
        stems={stem: pure(stem_path(job.output_folder, job.name_template, stem)) for stem in stems},
        sample_rate=rate,
        start_frame=job.start_frame,
        frames=job.frames or max(0, length - job.start_frame),
    )
