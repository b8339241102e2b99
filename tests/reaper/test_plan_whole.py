"""From a request to jobs and from their results to the import, with all that is left alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from reaper_chunks import SONG, guid, item, item_chunk, request, source_block, take_lines, track

from stemlift.cli.reaper_program import main
from stemlift.errors import Reason, StemliftError
from stemlift.reaper.clone import repeatable_guids
from stemlift.reaper.facts import Item, Request
from stemlift.reaper.item_chunk import parse_item
from stemlift.reaper.naming import file_entry, name_template, output_folder, source_name
from stemlift.reaper.plan import InsertItem, Plan
from stemlift.reaper.plan_command import plan_text, read_request
from stemlift.reaper.planning import finish_plan, make_plan


@dataclass
class Result:
    stems: dict[str, PurePath]
    start_frame: int
    frames: int
    sample_rate: int = 48000


def results(plan: Plan, **changes: Any) -> dict[str, Result]:
    found = {}
    for job in plan.jobs:
        stems: dict[str, PurePath] = {
            stem: PurePosixPath(job.output_folder, f"real {stem}.wav")
            for stem in ("vocals", "other")
        }
        found[job.key] = Result(stems, job.start_frame, job.frames or 60 * 48000)
        for name, value in changes.items():
            setattr(found[job.key], name, value)
    return found


def test_the_import_has_the_real_files_relative_to_the_project() -> None:
    wanted = request(item(item_chunk(offset=5.0)))
    plan = make_plan(wanted)
    done = finish_plan(wanted, plan, results(plan), repeatable_guids("x"))
    chunks = [one.chunk for one in done.operations if isinstance(one, InsertItem)]
    assert [chunk.count("FILE") for chunk in chunks] == [1, 1]
    assert 'FILE "Media/Stemlift/song/real vocals.wav"' in chunks[0]
    assert parse_item(chunks[0]).takes[0].number("SOFFS") == 1.0
    assert [(one.item, one.track) for one in done.expects] == [(guid(1), guid(100))]
    assert done.expects[0].fingerprint == wanted.items[0].chunk
    assert done.undo_label == "Stemlift: separate item to tracks"


def test_the_offset_follows_the_range_that_came_not_the_one_asked_for() -> None:
    wanted = request(item(item_chunk(offset=5.0)))
    plan = make_plan(wanted)
    done = finish_plan(wanted, plan, results(plan, start_frame=4 * 48000 - 480))
    (first, *_) = (one.chunk for one in done.operations if isinstance(one, InsertItem))
    assert parse_item(first).takes[0].number("SOFFS") == pytest.approx(1.01, abs=1e-12)


@pytest.mark.parametrize("changes", [{"sample_rate": 96000}, {"frames": 48000}])
def test_stems_that_do_not_hold_the_range_are_refused(changes: dict[str, int]) -> None:
    wanted = request(item(item_chunk(offset=5.0)))
    plan = make_plan(wanted)
    with pytest.raises(StemliftError) as caught:
        finish_plan(wanted, plan, results(plan, **changes))
    assert caught.value.reason is Reason.FILE_CHANGED


def test_a_file_that_reaper_decodes_otherwise_is_told() -> None:
    wanted = request(item(item_chunk(length=60.0), source={"path": "/music/a.mp3", "kind": "MP3"}))
    plan = make_plan(wanted)
    assert plan.preview.notices == ()
    assert finish_plan(wanted, plan, results(plan)).notices == ()
    (said,) = finish_plan(wanted, plan, results(plan, frames=60 * 48000 + 1105)).notices
    assert said.startswith("REAPER plays a.mp3 23 ms shorter than Stemlift")


def test_items_of_a_job_without_result_stay_as_they_are() -> None:
    wanted = request(
        item(item_chunk(number=1), 1),
        item(item_chunk(number=2), 2, source={"path": "/music/other.wav"}),
    )
    plan = make_plan(wanted)
    some = results(plan)
    del some[plan.jobs[0].key]
    done = finish_plan(wanted, plan, some)
    assert [one.item for one in done.expects] == [guid(2)]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (item(item_chunk(source="<SOURCE MIDI\nHASDATA 1 960 QN\n>\n"), source={"kind": "MIDI"}),
         "midi"),
        (Item(guid=guid(1), track=guid(100), chunk="<ITEM\nPOSITION 1\nLENGTH 1\n>\n"), "empty"),
        (item(item_chunk(source="<SOURCE EMPTY\n>\n"), source={"kind": "EMPTY", "path": ""}),
         "empty"),
        (item(item_chunk(), source={"online": False}), "offline"),
        (item(item_chunk(source=source_block(kind="_OFFLINE_WAVE"))), "offline"),
        (item(item_chunk(), source={"kind": "RPP_PROJECT", "path": "/a/b.rpp"}), "subproject"),
        (item(item_chunk(), lane_plays=False), "lane"),
        (item(item_chunk(offset=70.0)), "outside"),
        (item(item_chunk(source="<SOURCE CLICK\n>\n"), source={"kind": "CLICK", "path": ""}),
         "no_audio"),
        (item(item_chunk(source='<SOURCE VIDEO\nAUDIO 0\nFILE "a.mp4"\n>\n'),
              source={"kind": "VIDEO"}), "no_audio"),
        (item(item_chunk(source='<SOURCE VIDEO\nFILE "a.mp4"\n>\n'),
              source={"kind": "VIDEO", "channels": 0}), "no_audio"),
        (item(item_chunk(more=take_lines(header="TAKE NULL SEL", source="", name="x"))), "empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_separated_is_left_alone_with_a_reason(one: Item, reason: str) -> None:
    plan = make_plan(request(one))
    assert [(skip.item, skip.reason) for skip in plan.skipped] == [(guid(1), reason)]
    assert plan.skipped[0].sentence.endswith(".")
    assert plan.jobs == ()
    assert plan.preview.operations == ()


def test_a_video_is_separated_by_its_sound() -> None:
    text = item_chunk(source='<SOURCE VIDEO\n  FILE "a.mp4"\n>\n')
    plan = make_plan(request(item(text, source={"kind": "VIDEO", "path": "/music/a.mp4"})))
    assert plan.jobs[0].input == "/music/a.mp4"


def test_others_with_the_same_range_are_offered_or_taken() -> None:
    items = (
        item(item_chunk(number=1, offset=5.0), 1),
        item(item_chunk(number=2, offset=6.0, length=2.0, position=50.0), 2, selected=False),
        item(item_chunk(number=3, offset=40.0), 3, selected=False),
        item(item_chunk(number=4, offset=5.0, chanmode=3), 4, selected=False),
        item(item_chunk(number=5, source="<SOURCE MIDI\n>\n"), 5, selected=False),
        # Muted: it has its stems already, as likely as not.
        item(item_chunk(number=6, offset=6.0, mute=1), 6, selected=False),
    )
    offered = make_plan(request(*items))
    assert offered.offers == (guid(2),)
    assert offered.skipped == ()
    assert [one.item for one in offered.preview.expects] == [guid(1)]
    wanted = request(*items, also_same_source=True)
    taken = make_plan(wanted)
    assert taken.offers == ()
    assert taken.jobs == offered.jobs
    assert [one.item for one in taken.preview.expects] == [guid(1), guid(2)]
    assert [one.item for one in finish_plan(wanted, taken, results(taken)).expects] == [
        guid(1),
        guid(2),
    ]


def test_stems_that_are_there_serve_again_and_the_rest_is_separated() -> None:
    first = request(item(item_chunk()), item(item_chunk(number=2, offset=30.0), 2))
    earlier = make_plan(first).jobs
    assert len(earlier) == 2
    within, beyond = item(item_chunk(number=3, offset=0.5), 3), item(item_chunk(offset=50.0))
    plan = make_plan(request(within, beyond), earlier=earlier)
    # What serves nobody is no job, and what no job holds is one of its own.
    assert plan.jobs[0] == earlier[0]
    assert [job.start_frame for job in plan.jobs] == [0, 49 * 48000]
    assert [one.item for one in plan.preview.expects] == [guid(3), guid(1)]


def test_notices_name_takes_sample_edits_surround_and_loops() -> None:
    text = item_chunk(
        offset=55.0, loop=True, take=["SAMPLEEDITS 1 1 44100"], more=take_lines()
    ).replace("ALLTAKES 0", "ALLTAKES 1")
    said = " ".join(make_plan(request(item(text, source={"channels": 6}))).notices)
    for words in ("plays all of its 2 takes", "fall silent", "edited samples", "6 channels"):
        assert words in said
    assert "loops its file, so all of song.wav is separated" in said


def test_a_plan_is_repeatable_and_reads_back() -> None:
    wanted = request(item(item_chunk(offset=5.0)))
    plan = make_plan(wanted)
    assert make_plan(Request.model_validate_json(wanted.model_dump_json())) == plan
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_stems_of_the_preview() -> None:
    def stems(wanted: Request, known: tuple[str, ...] = ()) -> list[str]:
        operations = make_plan(wanted, known).preview.operations
        return [one.name for one in operations if one.do == "insert_track"]

    one = item(item_chunk())
    assert stems(request(one)) == ["Vocals", "Drums", "Bass", "Other"]
    assert stems(request(one), ("vocals", "instrumental")) == ["Vocals", "Instrumental"]
    assert stems(request(one, stems=("vocals",), remainder="separate")) == ["Vocals", "Remainder"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tracks": []}, "items.0.track"),
        ({"tracks": [{"guid": "a", "index": 1}]}, "tracks"),
        ({"project": {"media_folder": "Media"}}, "project.media_folder"),
        ({"project": {"media_folder": "/a", "path": "b.rpp"}}, "project.path"),
        ({"choices": {"remainder": "x"}}, "choices.remainder"),
        ({"choices": {"media_folder": "x"}}, "choices.media_folder"),
        ({"choices": {"handles": 99}}, "choices.handles"),
        ({"choices": {"speed": 1}}, "choices.speed"),
        ({"version": 2}, "version"),
        ({"project": {}}, "project.media_folder"),
    ],
)
def test_a_request_that_means_nothing_names_the_field(
    change: dict[str, Any], field: str, tmp_path: Path
) -> None:
    base = json.loads(request(item(item_chunk())).model_dump_json())
    source = tmp_path / "in.json"
    source.write_text(json.dumps(base | change))
    target = tmp_path / "out.json"
    assert main(["plan", str(source), "--output", str(target)]) == 2
    said = json.loads(target.read_bytes())["error"]
    assert said["reason"] == "ARGUMENT_INVALID"
    assert said["message"].startswith(f"{field} ")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chunk": "<TRACK\n>\n"}, "items.0.chunk"),
        ({"chunk": "nonsense"}, "items.0.chunk"),
        ({"chunk": "<ITEM\n" * 500 + ">\n" * 500}, "items.0.chunk"),
        ({"source": {"path": "song.wav"}}, "items.0.source.path"),
    ],
)
def test_an_item_that_means_nothing_names_the_field(changes: dict[str, Any], field: str) -> None:
    text = changes.pop("chunk", item_chunk())
    with pytest.raises(StemliftError) as caught:
        make_plan(request(item(text, **changes)))
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert caught.value.message.startswith(field)


@pytest.mark.parametrize(
    "field", ["POSITION", "LENGTH", "SOFFS", "PLAYRATE", "CHANMODE", "FADEIN 1"]
)
@pytest.mark.parametrize("value", ["nan", "inf", "1e999"])
@pytest.mark.parametrize("within", [False, True])
def test_a_chunk_with_numbers_that_are_none(field: str, value: str, within: bool) -> None:
    text = re.sub(rf"(?m)^{field} \S+", f"{field} {value}", item_chunk(position=10.0, length=8.0))
    assert value in text
    asked = request(item(text), selection=(1.0, 14.0), within_time_selection=within)
    assert all(job.start_frame >= 0 for job in make_plan(asked).jobs)


@pytest.mark.parametrize("field", ["sample_rate", "channels"])
def test_a_file_of_less_than_nothing_is_refused(field: str) -> None:
    asked = json.loads(request(item(item_chunk())).model_dump_json())
    asked["items"][0]["source"][field] = -1
    with pytest.raises(StemliftError, match=rf"items\.0\.source\.{field} "):
        read_request(json.dumps(asked))


def test_the_command_writes_a_file_or_stdout_and_says_what_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    source.write_bytes(b"\xef\xbb\xbf" + request(item(item_chunk())).model_dump_json().encode())

    def plan(path: Path, output: Path | None = None) -> int:
        return main(["plan", str(path), *(("--output", str(output)) if output else ())])

    assert plan(source, target) == 0
    assert plan(source) == 0
    assert capsys.readouterr().out == target.read_text() == plan_text(source)
    assert Plan.model_validate_json(target.read_text()).jobs
    assert plan(tmp_path / "none.json") == 2
    assert plan(source, tmp_path / "no" / "out.json") == 2
    source.write_bytes(b"\xff")
    assert plan(source) == 2
    source.write_text("{")
    assert plan(source) == 2


def test_names_are_safe_stable_and_tell_the_range() -> None:
    (job,) = make_plan(request(item(item_chunk(offset=65.5), source={"length": 600.0}))).jobs
    assert job.name_template == f"song 1m04.500s-1m14.500s {job.key} {{stem}}"
    assert job.output_folder == "/music/project/Media/Stemlift/song"
    (other,) = make_plan(
        request(item(item_chunk(offset=65.5), source={"length": 600.0}), model="x")
    ).jobs
    assert other.key != job.key
    assert source_name("/a/my {stem} \"song\": 'x'?.wav") == "my _stem_ _song__ _x__"
    assert source_name("C:\\Music\\con.wav") == "_con"
    assert source_name("/a/-rf.wav") == "_rf"
    assert source_name("/a/....wav") == "_" + source_name("/a/....wav")[1:]
    assert len(source_name("/a/" + "ü" * 200 + ".wav").encode()) <= 60
    assert name_template(SONG, 0, None, "k") == "song 0m00.000s-end k {stem}"


@pytest.mark.parametrize("folder", [40, 93, 130])
def test_names_are_short_where_windows_takes_no_longer_path(folder: int) -> None:
    media = "C:\\" + "m" * (folder - 3)
    song = "C:\\x\\" + "a long name of a song " * 6 + ".wav"
    asked = request(item(item_chunk(offset=65.5), source={"path": song, "length": 600.0}))
    project = asked.project.model_copy(update={"media_folder": media, "path": ""})
    (job,) = make_plan(asked.model_copy(update={"project": project})).jobs
    path = f"{job.output_folder}\\{job.name_template} 99.wav".format(stem="instrumental")
    assert len(path) < 240
    assert "\\a long" in job.output_folder
    assert job.name_template.startswith("a long")


def test_a_folder_too_deep_for_windows_is_refused_before_any_work() -> None:
    asked = request(item(item_chunk(), source={"path": "C:\\x\\song.wav"}))

    def planned(media: str) -> Plan:
        project = asked.project.model_copy(update={"media_folder": media, "path": ""})
        return make_plan(asked.model_copy(update={"project": project}))

    path = "{0.output_folder}\\{0.name_template}.wav".format(*planned("C:\\m").jobs)
    room = 259 - len(path.format(stem="vocals"))
    assert planned("C:\\m" + "m" * room).jobs
    # Windows counts a sign outside its first 65536 as two.
    for deep in ("C:\\m" + "m" * (room + 1), "C:\\m" + "🎵" * (room // 2 + 1)):
        with pytest.raises(StemliftError, match="259 characters") as caught:
            planned(deep)
        assert caught.value.reason is Reason.PATH_UNSUPPORTED


def test_paths_are_written_as_their_system_writes_them() -> None:
    assert file_entry("/p/Media/a b.wav", "/p/x.rpp") == "Media/a b.wav"
    assert file_entry("/q/a.wav", "/p/x.rpp") == "/q/a.wav"
    assert file_entry("/p/a.wav", "") == "/p/a.wav"
    assert file_entry("C:\\P\\Media\\a.wav", "c:\\p\\x.rpp") == "Media\\a.wav"
    assert file_entry("D:\\a.wav", "C:\\P\\x.rpp") == "D:\\a.wav"
    assert file_entry("C:/P/Media/a.wav", "C:\\P\\x.rpp") == "Media\\a.wav"
    assert output_folder("C:\\P\\Media", "D:\\s.wav") == "C:\\P\\Media\\Stemlift\\s"
    assert output_folder("\\\\nas\\m", "D:\\s.wav") == "\\\\nas\\m\\Stemlift\\s"


def test_a_windows_project_gets_windows_paths() -> None:
    base = request(item(item_chunk(), source={"path": "C:\\Music\\song.wav"}))
    project = base.project.model_copy(
        update={"path": "C:\\Music\\p\\p.rpp", "media_folder": "C:\\Music\\p\\it's"}
    )
    wanted = base.model_copy(update={"project": project})
    plan = make_plan(wanted)
    stems: dict[str, PurePath] = {"vocals": PureWindowsPath(plan.jobs[0].output_folder, "v.wav")}
    result = {plan.jobs[0].key: Result(stems, 0, 60 * 48000)}
    done = finish_plan(wanted, plan, result)
    (chunk,) = (one.chunk for one in done.operations if isinstance(one, InsertItem))
    assert 'FILE "it\'s\\Stemlift\\song\\v.wav"\n' in chunk


def test_an_unsaved_project_has_absolute_paths() -> None:
    base = request(item(item_chunk()))
    wanted = base.model_copy(update={"project": base.project.model_copy(update={"path": ""})})
    (first, *_) = (
        one.chunk for one in make_plan(wanted).preview.operations if isinstance(one, InsertItem)
    )
    assert 'FILE "/music/project/Media/Stemlift/song/' in first


def test_tracks_without_wanted_items_stay() -> None:
    plan = make_plan(request(item(item_chunk(), on=1), tracks=[track(0, 1), track(1, -1)]))
    assert plan.preview.operations[0].model_dump() == {
        "do": "set_track_depth",
        "track": guid(101),
        "depth": 1,
    }


def test_the_schemas_are_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stemlift.reaper.schema"], capture_output=True, check=True
    )
    found = json.loads(done.stdout)
    assert set(found) == {"request", "plan"}
    assert "active_take" in found["request"]["$defs"]["Item"]["properties"]
