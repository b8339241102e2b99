"""ExecProcess: a command line is split as a C program on Windows splits it, and no shell runs."""

from __future__ import annotations

import subprocess
import threading
import time


def split(line: str) -> list[str]:
    """Words; double quotes group, and a backslash matters only in front of one."""
    words: list[str] = []
    word, quoted, begun, at = "", False, False, 0
    while at < len(line):
        if line[at] == "\\":
            end = at
            while end < len(line) and line[end] == "\\":
                end += 1
            count = end - at
            if end < len(line) and line[end] == '"':
                word += "\\" * (count // 2)
                if count % 2:
                    word += '"'
                    end += 1
            else:
                word += "\\" * count
            begun, at = True, end
            continue
        if line[at] == '"':
            quoted, begun = not quoted, True
        elif line[at] in " \t" and not quoted:
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word, begun = word + line[at], True
        at += 1
    if begun:
        words.append(word)
    return words


class Processes:
    """What was started; environment: None for that of the tests."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, int]] = []
        self.started: list[subprocess.Popen[bytes]] = []
        self.environment: dict[str, str] | None = None
        self.folder: str | None = None

    def run(self, line: str, timeout: int) -> str | None:
        """See ExecProcess: nil where nothing starts, or where it did not end in time."""
        self.commands.append((line, timeout))
        words = split(line)
        if not words:
            return None
        wait = timeout >= 0
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if wait else subprocess.DEVNULL,
                stderr=subprocess.STDOUT if wait else subprocess.DEVNULL,
                env=self.environment,
                cwd=self.folder,
            )
        except OSError:
            return None
        self.started.append(process)
        if not wait:
            # As init would, so that a helper that ended is no zombie to whoever asks.
            threading.Thread(target=process.wait, daemon=True).start()
            return "0\n"
        try:
            output, _ = process.communicate(timeout=timeout / 1000 or None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None
        return f"{process.returncode}\n{output.decode('utf-8', 'replace')}"

    def running(self) -> list[subprocess.Popen[bytes]]:
        return [process for process in self.started if process.poll() is None]

    def settle(self, seconds: float) -> None:
        """Wait for those that are about to end."""
        deadline = time.monotonic() + seconds
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.01)

    def kill(self) -> None:
        for process in self.running():
            process.kill()
            process.wait()
