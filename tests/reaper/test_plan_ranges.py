"""Which frames of a file an item plays, and which items share a job."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reaper_chunks import item, item_chunk, request, source_block, track
from reaper_playing import source_time

from stemlift.reaper.chanmodes import Channels, from_mode
from stemlift.reaper.item_chunk import parse_item
from stemlift.reaper.planning import make_plan
from stemlift.reaper.playing import Playing, Section, playing
from stemlift.reaper.ranges import WHOLE, Span, job_spans, needed_span

RATE = 48000


def span(file_length: float | None = 60.0, **changes: object) -> Span | None:
    chunk = parse_item(item_chunk(**changes))  # type: ignore[arg-type]
    return needed_span(playing(chunk, chunk.takes[0], file_length), RATE)


def seconds(first: float, last: float) -> Span:
    return Span(round(first * RATE), round(last * RATE))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # Trimmed.
        ({"offset": 5.0, "length": 8.0}, seconds(5, 13)),
        # Rate.
        ({"offset": 5.0, "length": 8.0, "rate": 1.5}, seconds(5, 17)),
        ({"offset": 5.0, "length": 8.0, "rate": 0.25}, seconds(5, 7)),
        # Negative offset, item longer than its source, both.
        ({"offset": -3.0, "length": 8.0}, seconds(0, 5)),
        ({"offset": 55.0, "length": 8.0}, seconds(55, 60)),
        ({"offset": -1.0, "length": 100.0}, seconds(0, 60)),
        # Plays nothing.
        ({"offset": 60.0, "length": 8.0}, None),
        ({"offset": -9.0, "length": 8.0}, None),
        # A loop that does not come round is a trimmed item; one that does needs all.
        ({"offset": 5.0, "length": 8.0, "loop": True}, seconds(5, 13)),
        ({"offset": 0.0, "length": 60.0, "loop": True}, WHOLE),
        ({"offset": 55.0, "length": 8.0, "loop": True}, WHOLE),
        # One that ends in the last frame is mixed with the first.
        ({"offset": 50.0, "length": 10.0, "loop": True}, WHOLE),
        ({"offset": 50.0, "length": 9.99, "loop": True}, seconds(50, 59.99)),
        ({"offset": -1.0, "length": 8.0, "loop": True}, WHOLE),
        # Stretch markers, spectral edits.
        ({"offset": 5.0, "take": ["SM 0 5 + 4 8.5 0.1 + 8 13"]}, WHOLE),
        ({"offset": 5.0, "take": ["SPECTRAL_EDIT 1 0.5 1 0 0 0"]}, WHOLE),
        # A section, forward and reversed, whatever the offset is.
        (
            {"source": source_block(section=["LENGTH 10", "STARTPOS 20", "OVERLAP 0.01"])},
            seconds(19.99, 30.01),
        ),
        (
            {"source": source_block(section=["LENGTH 10", "MODE 2", "STARTPOS 20"]), "offset": 9.0},
            seconds(20, 30),
        ),
        # Reversed without a section: mode 3, whatever the other numbers say.
        ({"source": source_block(section=["LENGTH 10", "MODE 3", "STARTPOS 20"])}, WHOLE),
        # A section that reaches beyond the file.
        ({"source": source_block(section=["LENGTH 10", "STARTPOS 55"])}, seconds(55, 60)),
        ({"source": source_block(section=["LENGTH 10", "STARTPOS 61"])}, None),
    ],
)
def test_what_an_item_plays(facts: dict[str, object], expected: Span | None) -> None:
    assert span(**facts) == expected


def test_a_file_of_unknown_length_or_rate_is_separated_whole() -> None:
    assert span(None) == WHOLE
    assert needed_span(Playing(0, 8, 5, file_length=60), 0) == WHOLE


def test_a_section_in_a_section_needs_the_whole_file() -> None:
    inner = source_block(section=["LENGTH 10", "STARTPOS 20"])
    assert span(source=f"<SOURCE SECTION\nLENGTH 4\nSTARTPOS 2\n{inner}>\n") == WHOLE


def test_thirty_minutes_of_which_eight_seconds_are_used() -> None:
    plan = make_plan(request(item(item_chunk(offset=900.0), source={"length": 1800.0})))
    assert [(job.start_frame, job.frames) for job in plan.jobs] == [(899 * RATE, 10 * RATE)]


def test_handles_end_where_the_file_does() -> None:
    assert job_spans([Span(10, 90)], 20, 100, 0) == [Span(0, None)]
    assert job_spans([Span(50, 60)], 20, 100, 0) == [Span(30, 80)]
    assert job_spans([Span(50, 75)], 20, 100, 6) == [Span(30, None)]
    assert job_spans([Span(50, 75)], 20, None, 6) == [Span(30, 95)]


def test_an_item_split_twenty_times_is_one_job() -> None:
    parts = [
        item(item_chunk(number=n, position=10.0 + n, length=1.0, offset=5.0 + n), n)
        for n in range(1, 21)
    ]
    (job,) = make_plan(request(*parts)).jobs
    assert (job.start_frame, job.frames) == (5 * RATE, 22 * RATE)


def test_ranges_closer_than_two_handles_are_one_job_and_others_are_not() -> None:
    def jobs(gap: float) -> int:
        first = item(item_chunk(number=1, offset=10.0, length=2.0), 1)
        second = item(item_chunk(number=2, offset=12.0 + gap, length=2.0), 2)
        return len(make_plan(request(first, second, handles=0.5)).jobs)

    assert jobs(0.99) == 1
    assert jobs(1.01) == 2


def test_files_and_channel_maps_are_apart() -> None:
    plan = make_plan(
        request(
            item(item_chunk(number=1), 1),
            item(item_chunk(number=2, chanmode=3), 2),
            item(item_chunk(number=3), 3, source={"path": "/music/other.wav"}),
        )
    )
    assert [(job.input, job.channel_mode) for job in plan.jobs] == [
        ("/music/project/Media/song.wav", "all"),
        ("/music/project/Media/song.wav", "mono"),
        ("/music/other.wav", "all"),
    ]
    assert len({job.key for job in plan.jobs}) == 3


@pytest.mark.parametrize(
    ("mode", "channels", "expected"),
    [
        (0, 2, Channels()),
        (1, 2, Channels("swap")),
        (2, 2, Channels("downmix")),
        (3, 2, Channels("mono", 0)),
        (4, 2, Channels("mono", 1)),
        (5, 6, Channels("mono", 2)),
        (66, 64, Channels("mono", 63)),
        (67, 2, Channels("pair", 0, 1)),
        (69, 6, Channels("pair", 2, 3)),
        (130, 66, Channels("pair", 63, 64)),
        (131, 66, Channels("mono", 64)),
        (194, 128, Channels("mono", 127)),
        (195, 66, Channels("pair", 64, 65)),
        (257, 128, Channels("pair", 126, 127)),
        # A mono file has nothing to swap or to mix.
        (1, 1, Channels()),
        (2, 1, Channels()),
        (3, 1, Channels()),
        # REAPER must go on doing it where the map does something else.
        (4, 1, Channels(stays=4)),
        (1, 6, Channels(stays=1)),
        (2, 6, Channels(stays=2)),
        (9, 6, Channels(stays=9)),
        (72, 6, Channels(stays=72)),
        (258, 128, Channels(stays=258)),
        (3, 0, Channels(stays=3)),
    ],
)
def test_channel_modes(mode: int, channels: int, expected: Channels) -> None:
    assert from_mode(mode, channels) == expected


_SECTIONS = st.none() | st.builds(
    Section,
    start=st.floats(0, 50),
    length=st.floats(0.5, 30),
    reverse=st.booleans(),
    overlap=st.floats(0, 0.5),
)
_PLAYING = st.builds(
    Playing,
    position=st.floats(0, 100),
    length=st.floats(0.01, 50),
    offset=st.floats(-20, 80),
    rate=st.floats(0.1, 4),
    loop=st.booleans(),
    file_length=st.floats(1, 100),
    section=_SECTIONS,
)


@given(_PLAYING, st.floats(0, 1, exclude_max=True))
def test_all_that_an_item_plays_lies_in_its_range(what: Playing, at: float) -> None:
    time = source_time(what, what.position + at * what.length)
    assume(time is not None and what.file_length is not None and time < what.file_length)
    assert time is not None
    found = needed_span(what, RATE)
    # Half a frame at the edge of a file counts as nothing.
    if found is None:
        assert time < 1 / RATE or what.file_length - time < 1 / RATE or what.length < 1 / RATE
        return
    assert time * RATE >= found.start - 1e-3
    assert found.end is None or time * RATE <= found.end + 1e-3


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(1, 300)).map(lambda p: Span(p[0], sum(p))),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 100),
    st.integers(2300, 3000),
)
def test_merging_splits_no_item_and_jobs_do_not_overlap(
    needed: list[Span], handle: int, length: int
) -> None:
    jobs = job_spans(needed, handle, length, 0)
    for one in needed:
        holders = [job for job in jobs if job.holds(one)]
        assert len(holders) == 1
        (job,) = holders
        assert job.start <= max(0, one.start - handle)
        assert job.end is None or job.end >= one.end + handle  # type: ignore[operator]
    for before, after in itertools.pairwise(jobs):
        assert before.end is not None
        assert before.end < after.start


def test_time_selection_takes_only_the_overlap() -> None:
    plan = make_plan(
        request(
            item(item_chunk(offset=5.0, rate=2.0)),
            selection=(12.0, 14.0),
            within_time_selection=True,
            handles=0,
            tracks=[track(0)],
        )
    )
    assert [(job.start_frame, job.frames) for job in plan.jobs] == [
        (9 * RATE - 2400, 4 * RATE + 4800)
    ]
