"""Stem tracks: places, depths and parents, for folders, beside folders and several at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reaper_chunks import guid, item, item_chunk, request, track

from stemlift.reaper.facts import Layout, Request, Track
from stemlift.reaper.looks import colour
from stemlift.reaper.plan import InsertItem, InsertTrack, SetTrackDepth
from stemlift.reaper.planning import make_plan
from stemlift.reaper.tracks import lay_out, track_key

STEMS = ("vocals", "drums", "other")
Row = tuple[str, int]


def tracks(*depths: int) -> list[Track]:
    return [track(index, depth) for index, depth in enumerate(depths)]


def carry_out(
    before: Sequence[Track], depths: Sequence[SetTrackDepth], inserts: Sequence[InsertTrack]
) -> list[Row]:
    """The project after the operations, one after the other, as a script does them."""
    rows = [(one.guid, one.depth) for one in before]
    for change in depths:
        place = [name for name, _ in rows].index(change.track)
        rows[place] = (change.track, change.depth)
    for new in inserts:
        assert new.index <= len(rows)
        rows.insert(new.index, (new.key, new.depth))
    return rows


def parents(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """The folders around each track, the outermost first."""
    chain: list[str] = []
    found: dict[str, tuple[str, ...]] = {}
    for name, depth in rows:
        found[name] = tuple(chain)
        if depth > 0:
            chain.append(name)
        elif depth < 0:
            del chain[depth:]
    return found


def laid(before: Sequence[Track], on: Sequence[int], layout: Layout) -> list[Row]:
    depths, inserts = lay_out(before, {before[n].guid: STEMS for n in on}, layout)
    return carry_out(before, depths, inserts)


@pytest.mark.parametrize(
    ("depths", "on", "expected"),
    [
        # A plain track becomes the parent.
        ((0,), [0], [1, 0, 0, -1]),
        ((0, 0), [0], [1, 0, 0, -1, 0]),
        # The last of a folder, of two folders.
        ((1, -1), [1], [1, 1, 0, 0, -2]),
        ((1, 1, -2, 0), [2], [1, 1, 1, 0, 0, -3, 0]),
        # Already a parent: the stems are its first children.
        ((1, 0, -1), [0], [1, 0, 0, 0, 0, -1]),
        # Parent and child, and two neighbours, in one plan.
        ((1, -1), [0, 1], [1, 0, 0, 0, 1, 0, 0, -2]),
        ((0, 0), [0, 1], [1, 0, 0, -1, 1, 0, 0, -1]),
    ],
)
def test_folder_layout(depths: tuple[int, ...], on: list[int], expected: list[int]) -> None:
    assert [depth for _, depth in laid(tracks(*depths), on, Layout.FOLDER)] == expected


@pytest.mark.parametrize(
    ("depths", "on", "expected"),
    [
        ((0, 0), [0], [0, 0, 0, 0, 0]),
        # It closed a folder: the last stem does.
        ((1, -1, 0), [1], [1, 0, 0, 0, -1, 0]),
        ((1, 1, -2), [2], [1, 1, 0, 0, 0, -2]),
        # After the whole folder, inside the one around it.
        ((1, 0, -1, 0), [0], [1, 0, -1, 0, 0, 0, 0]),
        ((1, 1, -2, 0), [1], [1, 1, -1, 0, 0, -1, 0]),
        ((1, -1), [0, 1], [1, 0, 0, 0, -1, 0, 0, 0]),
        # A folder that the project never closes.
        ((0, 1), [1], [0, 0, 0, 0, 0]),
    ],
)
def test_flat_layout(depths: tuple[int, ...], on: list[int], expected: list[int]) -> None:
    assert [depth for _, depth in laid(tracks(*depths), on, Layout.FLAT)] == expected


@st.composite
def _projects(draw: st.DrawFn) -> list[Track]:
    """Well-formed projects: every folder is closed in the end."""
    level, depths = 0, []
    for _ in range(draw(st.integers(1, 9))):
        depth = draw(st.integers(-level, 1))
        level += depth
        depths.append(depth)
    if level or depths[-1] > 0:
        depths.append(-level)
    return tracks(*depths)


@settings(max_examples=200)
@given(_projects(), st.data(), st.sampled_from([Layout.FOLDER, Layout.FLAT]))
def test_every_track_has_the_parents_it_should(
    before: list[Track], data: st.DataObject, layout: Layout
) -> None:
    on = data.draw(st.sets(st.integers(0, len(before) - 1), min_size=1).map(sorted))
    rows = laid(before, on, layout)
    old = parents([(one.guid, one.depth) for one in before])
    new = parents(rows)
    assert sum(depth for _, depth in rows) == sum(one.depth for one in before)
    assert [name for name, _ in rows if name in old] == [one.guid for one in before]
    for name, chain in old.items():
        assert new[name] == chain
    for index in on:
        source = before[index].guid
        for stem in STEMS:
            expected = (*old[source], source) if layout is Layout.FOLDER else old[source]
            assert new[track_key(source, stem)] == expected


def test_items_on_one_track_share_its_stem_tracks() -> None:
    plan = make_plan(
        request(
            item(item_chunk(number=2, position=30.0), 2),
            item(item_chunk(number=1, position=10.0), 1),
            stems=STEMS,
        )
    )
    operations = plan.preview.operations
    assert [one.do for one in operations] == [
        *("set_track_depth", "insert_track", "insert_track", "insert_track"),
        *["insert_item"] * 6,
        *("mute_item", "mute_item"),
    ]
    keys = [one.track_key for one in operations if isinstance(one, InsertItem)]
    assert keys == [track_key(guid(100), stem) for stem in STEMS] * 2


def test_new_tracks_come_at_ascending_places_with_names_and_colours() -> None:
    before = [track(0, channels=2), track(1, channels=5, colour=(1, 2, 3))]
    plan = make_plan(
        request(
            item(item_chunk(number=2), 2, on=1),
            item(item_chunk(number=1), 1, on=0),
            tracks=before,
            stems=("vocals", "lead_guitar"),
        )
    )
    new = [one for one in plan.preview.operations if isinstance(one, InsertTrack)]
    assert [(one.index, one.name) for one in new] == [
        (1, "Vocals"),
        (2, "Lead guitar"),
        (4, "Vocals"),
        (5, "Lead guitar"),
    ]
    assert [one.colour for one in new] == [colour("vocals"), colour("lead_guitar")] * 2
    assert [one.channels for one in new] == [2, 2, 6, 6]
    assert {one.copy_from for one in new} == {""}
    assert [one.source_track for one in new] == [guid(100)] * 2 + [guid(101)] * 2


def test_the_flat_layout_copies_the_mixer_and_warns_of_effects() -> None:
    plan = make_plan(
        request(item(item_chunk()), tracks=[track(0, has_fx=True)], layout="flat", stems=STEMS)
    )
    new = [one for one in plan.preview.operations if isinstance(one, InsertTrack)]
    assert {one.copy_from for one in new} == {guid(100)}
    assert [one.name for one in new] == ["Track 0 - Vocals", "Track 0 - Drums", "Track 0 - Other"]
    assert any("effects of Track 0" in notice for notice in plan.notices)
    assert not any("effects" in notice for notice in make_plan(request(item(item_chunk()))).notices)


@pytest.mark.parametrize("layout", ["flat", "folder"])
def test_envelopes_that_do_not_act_on_stems_are_told(layout: str) -> None:
    plans = [
        make_plan(request(item(item_chunk()), tracks=[track(0, **has)], layout=layout, stems=STEMS))
        for has in ({"has_envelopes": True}, {"has_envelopes": True, "has_fx": True})
    ]
    said = [[n for n in plan.notices if "envelopes" in n] for plan in plans]
    if layout == "folder":
        assert said == [[], []]
    else:
        assert [one.partition(" do not act")[0] for (one,) in said] == [
            "The envelopes of Track 0",
            "The effects and envelopes of Track 0",
        ]


def test_colours_are_stable_for_any_name() -> None:
    assert colour("Vocals") == colour("vocals")
    assert colour("kick") == colour("kick")
    assert all(0 <= part <= 255 for name in ("kick", "x", "") for part in colour(name))


def after(asked: Request) -> list[Track]:
    """The project's tracks after the first import, as a script would tell them."""
    operations = make_plan(asked).preview.operations
    depths = [one for one in operations if isinstance(one, SetTrackDepth)]
    inserts = [one for one in operations if isinstance(one, InsertTrack)]
    told = {one.guid: one for one in asked.tracks}
    told |= {
        one.key: Track(guid=f"new {one.key}", index=0, name=one.name, colour=one.colour)
        for one in inserts
    }
    rows = carry_out(asked.tracks, depths, inserts)
    return [
        told[key].model_copy(update={"index": index, "depth": depth})
        for index, (key, depth) in enumerate(rows)
    ]


@pytest.mark.parametrize("layout", ["folder", "flat"])
@pytest.mark.parametrize("depths", [(0,), (0, 0), (1, -1), (1, 0, -1)])
def test_stems_given_to_other_items_join_the_tracks_that_are_there(
    layout: str, depths: tuple[int, ...]
) -> None:
    asked = request(item(item_chunk()), tracks=tracks(*depths), layout=layout, stems=STEMS)
    now = after(asked)
    other = request(item(item_chunk(number=2), 2), tracks=now, layout=layout, stems=STEMS)
    joined_in = make_plan(other, join=True).preview.operations
    assert not any(isinstance(one, (InsertTrack, SetTrackDepth)) for one in joined_in)
    where = [one.track_key for one in joined_in if isinstance(one, InsertItem)]
    assert where == [f"new {track_key(guid(100), stem)}" for stem in STEMS]
    # A separation of its own has tracks of its own.
    own = make_plan(other).preview.operations
    assert sum(isinstance(one, InsertTrack) for one in own) == len(STEMS)


@pytest.mark.parametrize("change", [{"name": "Lead"}, {"colour": (1, 2, 3)}, {"colour": None}])
def test_a_track_that_the_user_made_his_own_is_not_joined(change: dict[str, object]) -> None:
    asked = request(item(item_chunk()), tracks=tracks(0, 0), stems=STEMS)
    now = after(asked)
    assert now[2].name == "Drums"
    now[2] = now[2].model_copy(update=change)
    other = request(item(item_chunk(number=2), 2), tracks=now, stems=STEMS)
    plan = make_plan(other, join=True).preview
    (new,) = [one for one in plan.operations if isinstance(one, InsertTrack)]
    assert (new.name, new.index, new.depth) == ("Drums", 1, 0)
    where = [one.track_key for one in plan.operations if isinstance(one, InsertItem)]
    assert where == [now[1].guid, new.key, now[3].guid]


def test_tracks_of_another_folder_and_takes_are_not_joined() -> None:
    asked = request(item(item_chunk()), tracks=tracks(0, 0), stems=STEMS)
    # The same names and colours, but in the folder of the track before.
    elsewhere = request(item(item_chunk(number=2), 2, on=1), tracks=after(asked), stems=STEMS)
    plan = make_plan(elsewhere, join=True).preview
    assert sum(isinstance(one, InsertTrack) for one in plan.operations) == len(STEMS)
    takes = make_plan(
        request(item(item_chunk()), tracks=after(asked), stems=STEMS, layout="takes"), join=True
    )
    assert [one.do for one in takes.preview.operations] == ["replace_item"]
