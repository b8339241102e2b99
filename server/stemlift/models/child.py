"""Work in a process of its own that can be cancelled at once and tells how far it is. No torch.

One line of JSON goes in by stdin: the request. JSON lines come out: {"done", "total"} any
number of times, then {"finished": {…}} or {"error": {"reason", "message", "remedy"}}. The
process ends when its stdin closes, so it never outlives a server that was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from stemlift.errors import Reason, StemliftError

Report = Callable[[int, int], None]
"""Takes what is done and what there is in all, in the work's own unit."""

_CANCEL_POLL = 0.2
_LAST_WAIT = 5.0

_KILLED = -9
"""What a process that a POSIX system killed for want of memory ends with."""


def run_child(
    module: str,
    request: Mapping[str, Any],
    progress: Report,
    cancelled: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    *,
    what: str = "work",
) -> dict[str, Any]:
    """Run `python -m module` on `request` and return what it finished with.

    Args:
        cancelled: polled a few times a second; the process is killed when it says so.
        env: the process's whole environment; None for a copy of this one's.
        what: names the work in sentences: "The {what} was cancelled."

    Raises:
        StemliftError: what the process raised; OUT_OF_MEMORY; CANCELLED; INTERNAL when it
            ended without a last word.
    """
    with tempfile.TemporaryFile() as errors:
        # -P keeps modules lying in the working directory from being imported.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**(os.environ if env is None else env), "PYTHONUTF8": "1"},
            text=True,
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            # Left open until the end: its closing tells the process that we are gone.
            process.stdin.write(json.dumps(dict(request)) + "\n")
            process.stdin.flush()
            finished = _follow(lines, progress, cancelled, what)
        except BrokenPipeError:
            finished = None
        else:
            if finished is None:
                # Its own end, not ours, is to be known below.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LAST_WAIT)
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stdin.close()
            process.stdout.close()
        if finished is None:
            errors.seek(0)
            last = errors.read().decode("utf-8", "replace").strip()[-500:]
            if process.returncode == _KILLED and not last:
                raise StemliftError(
                    Reason.OUT_OF_MEMORY,
                    f"The process of the {what} was ended from outside.",
                    "Systems do that where memory is short: close other programs and try again.",
                )
            raise StemliftError(
                Reason.INTERNAL,
                f"The {what} broke off: {last or 'its process was ended'}.",
                "Try again; if it happens twice, report it with the server's log.",
            )
        return finished


def _follow(
    lines: queue.SimpleQueue[str | None],
    progress: Report,
    cancelled: Callable[[], bool],
    what: str,
) -> dict[str, Any] | None:
    """Pass on what the process says until its last word; None if it went without one."""
    while True:
        if cancelled():
            raise StemliftError(Reason.CANCELLED, f"The {what} was cancelled.")
        try:
            line = lines.get(timeout=_CANCEL_POLL)
        except queue.Empty:
            continue
        if line is None:
            return None
        event = json.loads(line)
        if "error" in event:
            error = event["error"]
            raise StemliftError(Reason(error["reason"]), error["message"], error["remedy"])
        if "finished" in event:
            finished: dict[str, Any] = event["finished"]
            return finished
        progress(event["done"], event["total"])


def _read_lines(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    # A killed process may leave half a line, which is no news.
    for line in stream:
        if line.endswith("\n"):
            lines.put(line)
    lines.put(None)


def serve_child(main: Callable[[dict[str, Any], Report], dict[str, Any]]) -> None:
    """The process's own side: hand the request to `main` and tell how it went.

    A StemliftError is passed on in its words, and want of memory as one; anything else ends
    the process with a traceback, of which the other side shows the last lines.
    """
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    lines = sys.stdout
    # What a library prints must not be taken for an event.
    sys.stdout = sys.stderr

    def say(event: dict[str, Any]) -> None:
        lines.write(json.dumps(event) + "\n")
        lines.flush()

    try:
        finished = main(request, lambda done, total: say({"done": done, "total": total}))
    except StemliftError as error:
        say({"error": _in_words(error)})
    except MemoryError:
        # A file may be as large as it likes, which is no fault of ours.
        short = StemliftError(
            Reason.OUT_OF_MEMORY,
            "The machine ran out of memory.",
            "Close other programs, or choose a smaller model.",
        )
        say({"error": _in_words(short)})
    else:
        say({"finished": finished})


def _in_words(error: StemliftError) -> dict[str, str]:
    return {"reason": error.reason, "message": error.message, "remedy": error.remedy}


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)
