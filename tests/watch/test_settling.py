"""When a file counts as complete: a model of growing files, and the cases by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stemlift.errors import Reason, StemliftError
from stemlift.watch.scan import Seen
from stemlift.watch.settling import Looked, Problem, Settling, Verdict

STABLE, GIVE_UP = 3.0, 30.0
ERROR = StemliftError(Reason.NOT_AUDIO, "no sound", "none")


def seen(size: int = 10, mtime: int = 1, name: str = "a.wav", ctime: int = 1) -> Seen:
    return Seen(name, size, mtime, ctime, (1, 1))


def problem(verdict: Verdict) -> Problem:
    return Problem(verdict, ERROR)


class Clock:
    """Looks as a watcher does that obeys `next_look_in`, with a step of its own at most."""

    def __init__(self, settling: Settling | None = None) -> None:
        self.settling = settling or Settling(stable=STABLE, give_up=GIVE_UP)
        self.now = 1000.0
        self.opened = 0
        self.problem: Problem | None = None

    def look(self, *files: Seen) -> Looked:
        return self.settling.look(files, self.now, self._open)

    def until(self, seconds: float, *files: Seen) -> list[tuple[float, Looked]]:
        """All looks that reported something, with the seconds since the first look."""
        start, found = self.now, []
        while self.now <= start + seconds:
            looked = self.look(*files)
            if looked.complete or looked.unreadable:
                found.append((self.now - start, looked))
            if looked.next_look_in is None:
                break
            self.now += looked.next_look_in
        return found

    def _open(self, _file: Seen) -> Problem | None:
        self.opened += 1
        return self.problem


def test_a_file_that_holds_still_is_complete_after_three_seconds_and_once() -> None:
    clock = Clock()
    ((after, looked),) = clock.until(100, seen())
    assert STABLE <= after <= STABLE + 0.1
    assert looked.complete == (seen(),)
    assert looked.next_look_in is None
    assert clock.opened == 1
    for _ in range(5):
        clock.now += 50
        assert not clock.look(seen()).complete


def test_a_file_that_grows_for_a_minute_is_complete_once_and_whole() -> None:
    clock = Clock()
    reported = []
    for second in range(120):
        looked = clock.look(seen(size=1 + min(second, 60), mtime=min(second, 60)))
        reported += [(second, each.size) for each in looked.complete]
        clock.now += 1.0
    assert reported == [(63, 61)]
    assert clock.opened == 1


def test_each_kind_of_change_starts_anew() -> None:
    for changed in (seen(size=11), seen(mtime=0), seen(mtime=2**62), seen(ctime=2)):
        clock = Clock()
        assert len(clock.until(10, seen())) == 1
        clock.now += 0.01
        assert not clock.look(changed).complete
        assert len(clock.until(10, changed)) == 1


def test_an_identity_that_is_not_steady_delays_nothing() -> None:
    """FAT and some network file systems give a file another inode at every look."""
    clock = Clock()
    complete = []
    for number in range(10):
        looked = clock.look(replace(seen(), file_id=(1, number)))
        complete += looked.complete
        clock.now += 1.0
    assert len(complete) == 1


def test_what_does_not_open_is_reported_after_thirty_seconds_and_once() -> None:
    clock = Clock()
    clock.problem = problem(Verdict.BROKEN)
    ((after, looked),) = clock.until(200, seen())
    assert GIVE_UP <= after <= GIVE_UP + 0.2
    assert [(each.seen, each.error) for each in looked.unreadable] == [(seen(), ERROR)]
    assert not looked.complete
    assert clock.opened <= 11
    # It changes: tried again, and now it opens.
    clock.problem = None
    clock.now += 1
    ((_, looked),) = clock.until(200, seen(mtime=2))
    assert looked.complete == (seen(mtime=2),)


def test_an_empty_file_is_never_opened_and_never_complete() -> None:
    clock = Clock()
    ((after, looked),) = clock.until(200, seen(size=0))
    assert GIVE_UP <= after <= GIVE_UP + 0.2
    assert looked.unreadable[0].error.reason is Reason.FILE_EMPTY
    assert "a.wav" in looked.unreadable[0].error.message
    assert clock.opened == 0


def test_what_may_still_be_written_is_taken_as_it_is_after_thirty_seconds() -> None:
    clock = Clock()
    clock.problem = problem(Verdict.DOUBTFUL)
    ((after, looked),) = clock.until(200, seen())
    assert GIVE_UP <= after <= GIVE_UP + 0.2
    assert looked.complete == (seen(),)
    assert not looked.unreadable


def test_a_doubt_that_passes_costs_no_thirty_seconds() -> None:
    clock = Clock()
    clock.problem = problem(Verdict.DOUBTFUL)
    assert clock.until(8, seen()) == []
    clock.problem = None
    ((after, looked),) = clock.until(8, seen())
    assert after <= STABLE
    assert looked.complete


def test_a_file_that_is_away_waits_for_ever() -> None:
    clock = Clock()
    clock.problem = problem(Verdict.AWAY)
    assert clock.until(3600, seen()) == []
    assert clock.opened <= 3600 / STABLE + 1
    clock.problem = None
    ((after, _),) = clock.until(10, seen())
    assert after <= STABLE


def test_hints_by_the_hundred_do_not_open_a_broken_file_each_time() -> None:
    clock = Clock()
    clock.problem = problem(Verdict.BROKEN)
    for _ in range(2000):
        clock.look(seen())
        clock.now += 0.01
    assert clock.opened <= 20 / STABLE


def test_a_clock_that_jumps_completes_nothing_by_itself() -> None:
    """A machine that slept has not seen the file hold still: the copy may go on now."""
    for jump in (3600.0, 1e9, -3600.0):
        clock = Clock()
        assert not clock.look(seen()).complete
        clock.now += jump
        looked = clock.look(seen())
        assert not looked.complete
        assert looked.next_look_in is not None
        assert 0 < looked.next_look_in <= STABLE
        assert not clock.look(seen(size=20)).complete
        assert len(clock.until(10, seen(size=20))) == 1


def test_a_jump_gives_up_nothing_either() -> None:
    clock = Clock()
    clock.problem = problem(Verdict.BROKEN)
    assert clock.until(6, seen()) == []
    clock.now += 1e6
    assert not clock.look(seen()).unreadable


def test_a_slow_watcher_needs_three_looks() -> None:
    clock = Clock()
    for expected in (0, 0, 1):
        assert len(clock.look(seen()).complete) == expected
        clock.now += 60


def test_nothing_is_kept_of_files_that_are_gone() -> None:
    settling = Settling()
    for number in range(50):
        settling.look([seen(name=f"{number}.wav")], float(number), lambda _file: None)
    assert len(settling._watched) == 1
    assert settling.look([], 100.0, lambda _file: None).next_look_in is None


def test_settings_of_nought_and_settings_the_wrong_way_round() -> None:
    at_once = Clock(Settling(stable=0, give_up=0))
    assert at_once.look(seen()).complete
    at_once.problem = problem(Verdict.AWAY)
    looked = at_once.look(seen(mtime=5))
    assert looked.next_look_in is not None
    assert looked.next_look_in >= 0.05
    crossed = Clock(Settling(stable=10, give_up=1))
    crossed.problem = problem(Verdict.BROKEN)
    ((after, _),) = crossed.until(100, seen())
    assert 10 <= after <= 10.2


@dataclass
class File:
    size: int
    mtime: int
    verdict: Verdict | None
    changed_at: float
    ctime: int
    looks: int = 0
    reports: int = 0


class Folder(RuleBasedStateMachine):
    """Files appear, grow, break, heal and vanish while looks come at any distance.

    Held at every look: a file that changed less than `stable` ago is never complete; every
    state is reported once at most; what is complete opens; what is unreadable does not; a
    file is looked at three times before it is either. And in the end, when all is quiet and
    looks go on, every file is reported that is not away.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settling = Settling(stable=STABLE, give_up=GIVE_UP)
        self.now = 50.0
        self.files: dict[str, File] = {}
        self.changes = 0

    names = st.sampled_from(["a.wav", "b.wav"])
    verdicts = st.sampled_from([None, None, None, *Verdict])

    @initialize(verdict=verdicts)
    def begin(self, verdict: Verdict | None) -> None:
        self._put("a.wav", 1, 1, verdict)

    @rule(name=names, size=st.sampled_from([1, 2, 0]), mtime=st.integers(0, 2), verdict=verdicts)
    def write(self, name: str, size: int, mtime: int, verdict: Verdict | None) -> None:
        """Another state, be it that of a file that was there before or an older time."""
        old = self.files.get(name)
        if old is None or (old.size, old.mtime) != (size, mtime):
            self._put(name, size, mtime, verdict)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def grow(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        old = self.files[name]
        self._put(name, old.size + 1, old.mtime + 1, old.verdict)

    @precondition(lambda self: self.files)
    @rule(data=st.data(), verdict=verdicts)
    def change_of_heart(self, data: st.DataObject, verdict: Verdict | None) -> None:
        """The same state opens now, or no longer: a lock that is gone, a share that is away."""
        self.files[data.draw(st.sampled_from(sorted(self.files)))].verdict = verdict

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        del self.files[data.draw(st.sampled_from(sorted(self.files)))]

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 1.5, 2.9, 3.0, 4.0, 29.0, 31.0, 3600.0, -500.0]))
    def look_after(self, seconds: float) -> None:
        """The clock may jump back. Real time goes on all the same: changes get no younger."""
        if seconds < 0:
            for file in self.files.values():
                file.changed_at += seconds
        self.now += seconds
        self._look()

    @rule(count=st.integers(1, 4))
    def look_as_told(self, count: int) -> None:
        for _ in range(count):
            self.now += self._look().next_look_in or 0.0

    @rule(seconds=st.sampled_from([0.1, 2.0, 40.0]))
    def nobody_looks(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def quiet(self) -> None:
        """Everything holds still for three minutes: whatever can be known is known."""
        for _ in range(60):
            looked = self._look()
            if looked.next_look_in is None:
                break
            assert 0 < looked.next_look_in <= STABLE + 1e-6
            self.now += looked.next_look_in
        for file in self.files.values():
            if file.verdict is not Verdict.AWAY or file.size == 0:
                assert file.reports == 1

    def _put(self, name: str, size: int, mtime: int, verdict: Verdict | None) -> None:
        # Sizes and times may come back; the file system's own time of change does not.
        self.changes += 1
        self.files[name] = File(size, mtime, verdict, self.now, self.changes)

    def _look(self) -> Looked:
        for file in self.files.values():
            file.looks += 1
        listed = [
            seen(file.size, file.mtime, name, file.ctime) for name, file in self.files.items()
        ]
        looked = self.settling.look(listed, self.now, self._open)
        for each in looked.complete:
            file = self._reported(each)
            assert file.size > 0
            assert file.verdict in (None, Verdict.DOUBTFUL)
        for unreadable in looked.unreadable:
            file = self._reported(unreadable.seen)
            assert file.size == 0 or file.verdict is Verdict.BROKEN
            assert self.now - file.changed_at >= GIVE_UP - 1e-6
        waiting = {each.seen.relative for each in looked.waiting}
        assert waiting == {name for name, file in self.files.items() if not file.reports}
        assert (looked.next_look_in is None) == (not waiting)
        return looked

    def _reported(self, each: Seen) -> File:
        file = self.files[each.relative]
        assert (file.size, file.mtime) == (each.size, each.mtime_ns)
        assert file.reports == 0
        assert file.looks >= 3
        assert self.now - file.changed_at >= STABLE - 1e-6
        file.reports += 1
        return file

    def _open(self, file: Seen) -> Problem | None:
        known = self.files[file.relative]
        assert file.size > 0
        assert self.now - known.changed_at >= STABLE - 1e-6
        return None if known.verdict is None else problem(known.verdict)

    @invariant()
    def nothing_is_reported_twice(self) -> None:
        assert all(file.reports <= 1 for file in self.files.values())


TestFolder = Folder.TestCase
TestFolder.settings = settings(
    max_examples=300, stateful_step_count=15, deadline=None, derandomize=True
)
