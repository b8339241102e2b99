"""Clone and re-source: what a stem's item keeps, what it gets new, what it leaves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reaper_chunks import guid, item, item_chunk, request, source_block, take_lines, track
from reaper_playing import source_time

from stemlift.reaper.clone import NewSource, repeatable_guids, stem_item
from stemlift.reaper.facts import Request, TakeFx
from stemlift.reaper.item_chunk import ItemChunk, parse_item
from stemlift.reaper.plan import InsertItem, MuteItem, ReplaceItem
from stemlift.reaper.planning import make_plan
from stemlift.reaper.playing import innermost, playing, source_kind

FX = "<TAKEFX\nBYPASS 0 0 0\n<JS x\n1 2\n>\nFXID {11111111-0000-0000-0000-000000000000}\n>\n"
VOLENV = """<VOLENV
EGUID {22222222-0000-0000-0000-000000000000}
ACT 1 -1
PT 0 1 0
PT 4 0.5 0
>
"""


def clone(
    text: str, active: int | None = None, fx: TakeFx = TakeFx.COPY, **new: Any
) -> tuple[ItemChunk, str]:
    whole = parse_item(text)
    source = NewSource(**({"file": "Media/Stemlift/song/vocals.wav"} | new))
    made = stem_item(
        whole, whole.active(active), source, "song - Vocals", fx, repeatable_guids("x")
    )
    return parse_item(made), made


def inserted(plan_request: Request) -> list[ItemChunk]:
    operations = make_plan(plan_request).preview.operations
    return [parse_item(one.chunk) for one in operations if isinstance(one, InsertItem)]


KEPT = ["POSITION", "LENGTH", "SNAPOFFS", "FADEIN", "FADEOUT", "MUTE", "BEAT", "LOCK", "NEWKEY"]


def test_what_survives_does_so_to_the_byte() -> None:
    text = item_chunk(
        position=12.5,
        length=7.25,
        rate=1.25,
        fade_in=0.5,
        fade_out=1.5,
        mute=1,
        common=["BEAT 1", "LOCK 1", "NEWKEY 1 2 x", "<NOTES", "|hello", ">"],
        after=VOLENV,
    ).replace("SNAPOFFS 0", "SNAPOFFS 0.25")
    before = parse_item(text)
    after, raw = clone(text)
    for key in KEPT:
        assert after.entry(key) == before.entry(key), key
    assert after.takes[0].entry("PLAYRATE") == before.takes[0].entry("PLAYRATE")
    # Item volume, pan, flipped polarity and pan law are copied, not baked.
    assert after.takes[0].entry("VOLPAN") == before.takes[0].entry("VOLPAN")
    assert "<NOTES\n|hello\n>\n" in raw
    assert "PT 4 0.5 0\n" in raw


def test_identities_are_new_and_what_belongs_to_the_original_stays_there() -> None:
    text = item_chunk(
        common=["GROUP 7", "YPOS 0.5 0.5 2", "COMP 1 1 0", "COLOR 22278759 B", "NOTESWND 1 2 3 4"],
        take=["TAKECOLOR 5 B", "TMINFO 44100", "TM 1 2 3", "SAMPLEEDITS 1 1 44100"],
        after=FX + VOLENV,
    )
    after, raw = clone(text)
    for key in ("GROUP", "YPOS", "COMP", "COLOR", "NOTESWND", "IID", "SEL", "TM ", "SAMPLEEDITS"):
        assert f"\n{key}" not in raw
    assert "TAKECOLOR" not in raw
    for old in (guid(1), guid(1001), "{11111111", "{22222222"):
        assert old not in raw
    assert after.takes[0].name == "song - Vocals"
    assert raw.count("{") == 4


@pytest.mark.parametrize("kind", ["WAVE", "MP3", "FLAC", "VIDEO", "VORBIS", "MP4"])
def test_every_kind_of_source_becomes_a_wave(kind: str) -> None:
    source = f'<SOURCE {kind}\n  VIDEO_DISABLED\n  FILE "song.x" 1\n>\n'
    after, raw = clone(item_chunk(source=source))
    found = after.takes[0].source
    assert found is not None
    assert source_kind(found) == "WAVE"
    assert found.raw == '<SOURCE WAVE\nFILE "Media/Stemlift/song/vocals.wav"\n>\n'
    assert "song.x" not in raw


def test_offsets_move_with_the_start_of_the_stem() -> None:
    after, raw = clone(
        item_chunk(offset=5.5, take=["TKM 6.5 A 0", "TKM 3 B 0"]), shift=4.5, cut=True
    )
    assert after.takes[0].number("SOFFS") == 1.0
    assert "TKM 2 A 0\n" in raw
    # A marker before the stem begins would stand at a negative time.
    assert "B 0" not in raw
    assert not after.loops


def test_a_piece_of_a_file_is_not_looped_and_a_whole_one_is() -> None:
    text = item_chunk(loop=True)
    assert not clone(text, cut=True)[0].loops
    assert clone(text)[0].loops


def test_stretch_markers_move_in_the_source_alone() -> None:
    text = item_chunk(take=["SM 0 5 -0.1495 + 2 6.5 0.5 + 8 13"])
    assert "\nSM 0 1 -0.1495 + 2 2.5 0.5 + 8 9\n" in clone(text, shift=4.0)[1]
    assert "\nSM 0 5 -0.1495 + 2 6.5 0.5 + 8 13\n" in clone(text)[1]


@pytest.mark.parametrize("mode", [None, 2])
def test_a_section_keeps_its_wrapper_and_offset_and_its_start_moves(mode: int | None) -> None:
    lines = ["LENGTH 10", "STARTPOS 20.5", "OVERLAP 0.01"] + ([f"MODE {mode}"] if mode else [])
    text = item_chunk(offset=3.0, loop=True, source=source_block(section=lines))
    after, raw = clone(text, shift=19.5)
    assert after.takes[0].number("SOFFS") == 3.0
    assert after.loops
    source = after.takes[0].source
    assert source is not None
    assert source.entry("STARTPOS").number(0) == 1.0  # type: ignore[union-attr]
    assert source.entry("LENGTH").number(0) == 10.0  # type: ignore[union-attr]
    assert innermost(source).entry("FILE") is not None
    assert ("MODE 2" in raw) == bool(mode)


def test_a_reversed_file_keeps_its_wrapper_unmoved() -> None:
    lines = ["LENGTH 60", "STARTPOS 20", "OVERLAP 0.01", "MODE 3"]
    (one, *_) = inserted(
        request(item(item_chunk(offset=3.0, source=source_block(section=lines)))),
    )
    source = one.takes[0].source
    assert source is not None
    assert source.entry("STARTPOS").number(0) == 20.0  # type: ignore[union-attr]
    assert source.entry("MODE").number(0) == 3.0  # type: ignore[union-attr]


@pytest.mark.parametrize(("mode", "channels", "stays"), [(3, 2, 0), (69, 6, 0), (1, 6, 1)])
def test_the_channel_mode_is_reset_where_the_map_did_it(
    mode: int, channels: int, stays: int
) -> None:
    (one, *_) = inserted(request(item(item_chunk(chanmode=mode), source={"channels": channels})))
    assert one.takes[0].number("CHANMODE") == stays


def test_take_effects_are_copied_or_left_out_and_the_user_is_told() -> None:
    text = item_chunk(after=FX + "TAKE_FX_HAVE_NEW_PDC_AUTOMATION_BEHAVIOR 1\n" + VOLENV)
    assert "<JS x\n1 2\n>" in clone(text)[1]
    left = clone(text, fx=TakeFx.LEAVE_OUT)[1]
    assert "TAKEFX" not in left
    assert "TAKE_FX" not in left
    assert "<VOLENV" in left
    for choice, words in ((TakeFx.COPY, "gets a copy"), (TakeFx.LEAVE_OUT, "do not get")):
        assert any(words in n for n in make_plan(request(item(text), take_fx=choice)).notices)


def test_the_active_take_alone_is_cloned_with_its_volume() -> None:
    text = item_chunk(more=take_lines(header="TAKE SEL")).replace("ALLTAKES 0", "ALLTAKES 1")
    after, raw = clone(text, shift=0.5)
    assert len(after.takes) == 1
    assert "VOLPAN 0.5 0.1 0.7 -1\n" in raw
    assert "\nTAKE" not in raw
    assert after.takes[0].number("SOFFS") == 1.5
    assert after.number("ALLTAKES") == 0
    assert len(clone(text, active=0)[0].takes) == 1
    assert "VOLPAN 0.5 -0.25 -0.8 -1\n" in clone(text, active=0)[1]


def test_a_take_whose_name_has_all_kinds_of_quotes() -> None:
    """REAPER writes it without any around it, as long as there is no blank in it."""
    text = item_chunk().replace('NAME "song.wav"', """NAME it's"a`song""")
    (stem,) = inserted(request(item(text), stems=("vocals",)))
    assert stem.takes[0].name == """it's"a'song - Vocals"""


def test_line_ends_stay_as_they_are() -> None:
    raw = clone(item_chunk(ending="\r\n", more=take_lines().replace("\n", "\r\n")), active=1)[1]
    assert raw.count("\n") == raw.count("\r\n")


def test_stems_as_takes() -> None:
    text = item_chunk(offset=5.0, common=["GROUP 3"])
    plan = make_plan(request(item(text), layout="takes", stems=("vocals", "bass")))
    (replaced,) = plan.preview.operations
    assert isinstance(replaced, ReplaceItem)
    assert replaced.item == guid(1)
    found = parse_item(replaced.chunk)
    # The original take keeps its bytes, the item its identity and group.
    assert replaced.chunk.startswith(text[: text.rindex(">")])
    assert [take.name for take in found.takes[1:]] == ["song.wav - Vocals", "song.wav - Bass"]
    assert found.active(None) == 1
    assert [take.volume for take in found.takes] == [("-0.25", "-0.8", "-1")] * 3
    assert found.takes[1].number("SOFFS") == 1.0
    kept = make_plan(request(item(text), layout="takes", original="keep")).preview.operations
    assert parse_item(kept[0].chunk).active(None) == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("original", ["mute", "keep"])
def test_stems_as_takes_of_an_item_that_plays_all_are_heard_alone(original: str) -> None:
    text = item_chunk(more=take_lines()).replace("ALLTAKES 0", "ALLTAKES 1")
    plan = make_plan(request(item(text), layout="takes", original=original))
    (replaced,) = plan.preview.operations
    assert isinstance(replaced, ReplaceItem)
    assert parse_item(replaced.chunk).number("ALLTAKES") == 0
    assert any("one take is heard at a time from now on" in said for said in plan.notices)


def test_a_time_selection_cuts_the_item_in_three_and_mutes_the_middle() -> None:
    text = item_chunk(
        position=10.0,
        length=8.0,
        offset=5.0,
        rate=2.0,
        take=["SM 0 5 + 8 13 + 16 21"],
        after=VOLENV,
        common=["GROUP 2"],
    )
    plan = make_plan(
        request(item(text), selection=(12.0, 15.0), within_time_selection=True, stems=("vocals",))
    )
    operations = plan.preview.operations
    assert [one.do for one in operations] == [
        *("set_track_depth", "insert_track", "replace_item"),
        *("insert_item", "insert_item", "insert_item"),
    ]
    middle, left, right, stem = (parse_item(one.chunk) for one in operations[2:])  # type: ignore[union-attr]
    assert [(one.position, one.length) for one in (left, middle, right, stem)] == [
        (10.0, 2.0),
        (12.0, 3.0),
        (15.0, 3.0),
        (12.0, 3.0),
    ]
    assert [one.takes[0].number("SOFFS") for one in (left, middle, right)] == [5.0, 9.0, 15.0]
    assert [one.muted for one in (left, middle, right, stem)] == [False, True, False, False]
    assert [one.number("FADEIN", 1) for one in (left, middle, right)] == [0.01, 0, 0]
    assert [one.number("FADEOUT", 1) for one in (left, middle, right)] == [0, 0, 0.01]
    assert [one.entry("GROUP") is not None for one in (left, middle, right, stem)] == [
        *(True, True, True, False)
    ]
    assert "PT -4 1 0\nPT 0 0.5 0\n" in middle.raw
    assert "SM -4 5 + 4 13 + 12 21\n" in middle.raw
    assert [one.track_key for one in operations[3:5]] == [guid(100)] * 2  # type: ignore[union-attr]
    ids = [guid(1), guid(1001), "{22222222"]
    assert all(name in middle.raw for name in ids)
    assert not any(name in left.raw + right.raw for name in ids)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_rate_that_cannot_be_is_none_where_the_item_is_cut_too(rate: float) -> None:
    text = item_chunk(position=10.0, length=8.0, offset=5.0, rate=rate)
    cut = request(item(text), selection=(12.0, 15.0), within_time_selection=True, stems=("a",))
    left, right, stem = inserted(cut)
    assert [one.takes[0].number("SOFFS") for one in (left, right)] == [5.0, 10.0]
    assert stem.takes[0].number("SOFFS") == 1.0


def test_a_selection_within_a_fade_takes_all_of_it() -> None:
    text = item_chunk(position=10.0, length=8.0, fade_in=2.0)
    plan = make_plan(
        request(item(text), selection=(11.0, 14.0), within_time_selection=True, stems=("vocals",))
    )
    stem = [parse_item(one.chunk) for one in plan.preview.operations if one.do == "insert_item"][-1]
    assert (stem.position, stem.length) == (10.0, 4.0)
    assert stem.number("FADEIN", 1) == 2.0


def test_a_selection_that_holds_the_item_changes_nothing_and_one_beside_it_skips() -> None:
    around = make_plan(
        request(item(item_chunk()), selection=(0.0, 100.0), within_time_selection=True)
    )
    assert around.preview.operations == make_plan(request(item(item_chunk()))).preview.operations
    beside = make_plan(
        request(item(item_chunk()), selection=(0.0, 10.0), within_time_selection=True)
    )
    assert [one.reason for one in beside.skipped] == ["outside"]
    assert beside.jobs == ()


def test_the_original_is_muted_once_or_kept() -> None:
    def mutes(text: str, **choices: Any) -> int:
        operations = make_plan(request(item(text), **choices)).preview.operations
        return sum(isinstance(one, MuteItem) for one in operations)

    assert mutes(item_chunk()) == 1
    assert mutes(item_chunk(), original="keep") == 0
    assert mutes(item_chunk(mute=1)) == 0
    assert inserted(request(item(item_chunk(mute=1))))[0].muted


_SECTION = st.none() | st.tuples(st.floats(0, 50), st.floats(1, 20), st.sampled_from([0, 2, 3]))


@given(
    position=st.floats(0, 500),
    length=st.floats(0.05, 40),
    offset=st.floats(-10, 70),
    rate=st.floats(0.25, 4),
    loop=st.booleans(),
    section=_SECTION,
    handles=st.floats(0, 5),
    selection=st.none() | st.tuples(st.floats(0, 500), st.floats(0, 500)),
    at=st.floats(0.001, 0.999),
)
def test_the_stem_plays_the_same_time_of_the_source_at_every_time(
    position: float,
    length: float,
    offset: float,
    rate: float,
    loop: bool,
    section: tuple[float, float, int] | None,
    handles: float,
    selection: tuple[float, float] | None,
    at: float,
) -> None:
    source = None
    if section is not None:
        start, size, mode = section
        source = source_block(section=[f"LENGTH {size}", f"STARTPOS {start}", f"MODE {mode}"])
    text = item_chunk(
        position=position, length=length, offset=offset, rate=rate, loop=loop, source=source
    )
    plan = make_plan(
        request(
            item(text),
            selection=selection,
            within_time_selection=True,
            handles=handles,
            stems=("vocals",),
            tracks=[track(0)],
        )
    )
    assume(plan.jobs)
    (job,) = plan.jobs
    whole = parse_item(text)
    stem = parse_item(
        next(o for o in reversed(plan.preview.operations) if isinstance(o, InsertItem)).chunk
    )
    frames = job.frames or 60 * 48000 - job.start_frame
    original = playing(whole, whole.takes[0], 60.0)
    cloned = playing(stem, stem.takes[0], frames / 48000)
    time = stem.position + at * stem.length
    expected = source_time(original, time)
    found = source_time(cloned, time)
    if expected is None or expected >= 60.0:
        assert found is None or found + job.start_frame / 48000 >= 60.0 - 1e-6
    else:
        # At the very edge of a file the last digit decides.
        assume(1e-6 < expected < 60 - 1e-6)
        assert found is not None
        difference = abs(found + job.start_frame / 48000 - expected)
        cycle = original.cycle or 60.0
        assert min(difference, abs(cycle - difference)) < 1e-9
