"""What a watcher in the terminal shows: on a screen, as lines, or as JSON.

What ended goes to stdout, all else to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from stemlift.audio.problems import display_name
from stemlift.cli.progress import in_words
from stemlift.cli.reporting import duration, in_one_line, note, plain, print_json, sign
from stemlift.rpc.results import JobUpdate
from stemlift.watch.entry import Entry, FileState
from stemlift.watch.following import Moment, Trouble
from stemlift.watch.manifest import read_manifest


class Screen(Protocol):
    """now: UNIX time. update: of the job in work, where the server could be asked."""

    def show(self, moment: Moment, update: JobUpdate | None, now: float) -> None: ...
    def ended(self, entry: Entry) -> None: ...
    def left(self, troubles: Sequence[Trouble]) -> None: ...
    def stopped(self, moment: Moment) -> None: ...


@contextmanager
def choose_screen(inbox: Path, outbox: Path, *, json: bool) -> Iterator[Screen]:
    """JSON where it is wanted, else a live display on a terminal, else lines."""
    if json:
        yield JsonLines(inbox, outbox)
    elif sys.stderr.isatty():
        from stemlift.cli.watch_live import LiveScreen

        with LiveScreen(inbox, outbox) as screen:
            yield screen
    else:
        yield Lines(inbox, outbox)


class Lines:
    """A line for everything that is new."""

    def __init__(self, inbox: Path, outbox: Path) -> None:
        self.inbox, self.outbox = inbox, outbox
        self._said: set[str] = set()
        self._last: tuple[str, str, int] | None = None
        arrow = sign("→", "->", sys.stderr)
        note(f"Watching {display_name(inbox)} {arrow} {display_name(outbox)}. Ctrl-C stops.")

    def show(self, moment: Moment, update: JobUpdate | None, now: float) -> None:
        """A line at every new stage and every fourth of the way, and for each new trouble."""
        self._tell_troubles(moment, now)
        if moment.running is None or update is None or update.state.ended:
            return
        words = in_words(update)
        step = (moment.running.path, words, int(update.fraction * 4))
        if step != self._last:
            self._last = step
            note(f"{in_one_line(_song(moment.running.path))}: {progress_in_words(update)}")

    def ended(self, entry: Entry) -> None:
        if entry.state is FileState.FAILED:
            note(failed_in_words(entry, sys.stderr))
        else:
            sys.stdout.write(done_in_words(entry, self.outbox, sys.stdout) + "\n")
            sys.stdout.flush()

    def left(self, troubles: Sequence[Trouble]) -> None:
        for each in troubles:
            said = in_one_line(f"{_song(each.path)}: {each.message}")
            note(f"left for later: {said} ({each.reason})")

    def stopped(self, moment: Moment) -> None:
        note(farewell(moment))

    def _tell_troubles(self, moment: Moment, now: float) -> None:
        texts = {trouble_in_words(each): trouble_when(each, now) for each in moment.troubles}
        texts |= dict.fromkeys(moment.notices, "")
        for text, when in texts.items():
            if text not in self._said:
                note(f"note: {text}{when}")
        # What passed is said again when it comes back.
        self._said = set(texts)


class JsonLines:
    """A JSON object for each event; its key `event` says which."""

    def __init__(self, inbox: Path, outbox: Path) -> None:
        self.inbox, self.outbox = inbox, outbox
        self._last: tuple[str, str, int] | None = None
        self._counts: tuple[int, int] | None = None
        self._said: set[str] = set()
        self._notices: tuple[str, ...] = ()
        paths = {"inbox": display_name(inbox), "outbox": display_name(outbox)}
        print_json({"event": "watching", **paths})

    def show(self, moment: Moment, update: JobUpdate | None, now: float) -> None:
        if (moment.arriving, moment.waiting) != self._counts:
            self._counts = (moment.arriving, moment.waiting)
            print_json({"event": "queue", "arriving": moment.arriving, "waiting": moment.waiting})
        for text in moment.notices:
            if text not in self._notices:
                print_json({"event": "notice", "message": text})
        self._notices = moment.notices
        for each in moment.troubles:
            if trouble_in_words(each) not in self._said:
                print_json({"event": "delayed", **_trouble(each, now)})
        self._said = {trouble_in_words(each) for each in moment.troubles}
        if moment.running is None or update is None or update.state.ended:
            return
        step = (moment.running.path, in_words(update), int(update.fraction * 20))
        if step != self._last:
            self._last = step
            print_json(
                {
                    "event": "running",
                    "song": _song(moment.running.path),
                    "job": update.id,
                    "stage": str(update.stage),
                    "fraction": round(update.fraction, 4),
                    "seconds_left": update.seconds_left,
                }
            )

    def ended(self, entry: Entry) -> None:
        failed = entry.state is FileState.FAILED
        line: dict[str, Any] = {"event": "failed" if failed else "done"}
        line["song"] = _song(entry.path)
        if failed:
            line["error"] = {
                "reason": entry.reason,
                "message": entry.message,
                "remedy": entry.remedy,
            }
        elif entry.folder is not None:
            folder = self.outbox / entry.folder
            line["result"] = display_name(folder)
            manifest = read_manifest(folder)
            if manifest is not None:
                line["model"] = manifest.model
                line["stems"] = {
                    stem.name: display_name(folder / stem.file) for stem in manifest.stems
                }
                line["null_dbfs"] = manifest.null_dbfs
        print_json(line)

    def left(self, troubles: Sequence[Trouble]) -> None:
        for each in troubles:
            print_json({"event": "left", **_trouble(each)})

    def stopped(self, moment: Moment) -> None:
        print_json({"event": "stopped", "left": moment.to_do})


def done_in_words(entry: Entry, outbox: Path, stream: TextIO) -> str:
    mark, arrow = sign("✓", "done:", stream), sign("→", "->", stream)
    where = f" {arrow} {display_name(outbox / entry.folder)}" if entry.folder else ""
    return plain(f"{mark} {in_one_line(_song(entry.path))}{where}")


def failed_in_words(entry: Entry, stream: TextIO) -> str:
    mark, arrow = sign("✗", "failed:", stream), sign("→", "->", stream)
    remedy = f"\n  {arrow} {entry.remedy}" if entry.remedy else ""
    said = in_one_line(f"{_song(entry.path)}: {entry.message}")
    return plain(f"{mark} {said} ({entry.reason}){remedy}")


def progress_in_words(update: JobUpdate) -> str:
    left = "" if update.seconds_left is None else f", {duration(update.seconds_left)} left"
    return f"{in_words(update)}, {update.fraction:.0%}{left}"


def trouble_in_words(trouble: Trouble) -> str:
    return in_one_line(f"{_song(trouble.path)} waits: {trouble.message}")


def trouble_when(trouble: Trouble, now: float) -> str:
    """When it is tried again; a clock that was set back must not say "in a year"."""
    return f" Next try in {duration(_wait(trouble, now))}."


def farewell(moment: Moment) -> str:
    if not moment.to_do:
        return "Stopped. Nothing was left to do."
    many = "1 song is" if moment.to_do == 1 else f"{moment.to_do} songs are"
    return f"Stopped. {many} left; the next watch of this folder goes on with what was begun."


def _song(path: str) -> str:
    return display_name(Path(path))


def _wait(trouble: Trouble, now: float) -> float:
    return min(max(trouble.next_try - now, 0.0), trouble.delay)


def _trouble(trouble: Trouble, now: float | None = None) -> dict[str, Any]:
    error = {
        "reason": str(trouble.reason),
        "message": trouble.message,
        "remedy": trouble.remedy,
    }
    wait = {} if now is None else {"next_try_seconds": round(_wait(trouble, now), 1)}
    return {"song": _song(trouble.path), **wait, "error": error}
