"""A message on the user's desktop, by what each system brings along.

`notify-send` (libnotify), `osascript` and PowerShell are there on the desktops that can
show a message, and they work from any thread. Libraries for it need an event loop of their
own, on macOS in the main thread and in a signed program, and bring packages for each system.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from stemlift.system.commands import run_command

LIMIT_SECONDS = 10.0
APPLICATION = "Stemlift"

_APPLE_SCRIPT = (
    "on run texts",
    "display notification (item 2 of texts) with title (item 1 of texts)",
    "end run",
)
# Windows shows toasts of registered programs only; PowerShell is one, under this name. The
# texts come as variables, since no quoting of PowerShell's is safe with every text.
_POWERSHELL = r"""
$ErrorActionPreference = 'Stop'
$m = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$x = $m::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)
$t = $x.GetElementsByTagName('text')
[void]$t.Item(0).AppendChild($x.CreateTextNode($env:STEMLIFT_NOTICE_TITLE))
[void]$t.Item(1).AppendChild($x.CreateTextNode($env:STEMLIFT_NOTICE_TEXT))
$id = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\WindowsPowerShell\v1.0\powershell.exe'
$n = [Windows.UI.Notifications.ToastNotification]::new($x)
$m::CreateToastNotifier($id).Show($n)
"""  # noqa: E501 - one statement is one line


@dataclass(frozen=True, slots=True)
class Showing:
    """The command that shows a message, and what it needs in its environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


def showing(title: str, text: str, platform: str = sys.platform) -> Showing:
    """The command for `platform`. Both texts are shown as they are, whatever is in them."""
    title, text = _plain(title), _plain(text)
    if platform == "darwin":
        lines = [part for line in _APPLE_SCRIPT for part in ("-e", line)]
        # A text that starts with "-" would be taken for an option.
        return Showing(("/usr/bin/osascript", *lines, _guarded(title), _guarded(text)))
    if platform == "win32":
        variables = {"STEMLIFT_NOTICE_TITLE": title, "STEMLIFT_NOTICE_TEXT": text}
        program = ("powershell.exe", "-NoProfile", "-NonInteractive", "-Command", _POWERSHELL)
        return Showing(program, variables)
    # The text is markup to many desktops, the title to none.
    return Showing(("notify-send", "--app-name", APPLICATION, "--", title, escape(text)))


def show(title: str, text: str) -> str | None:
    """Show a message; waits up to ten seconds for the system to take it.

    Returns:
        None, or why it was not shown.
    """
    command = showing(title, text)
    done = run_command(command.argv, {**os.environ, **command.env}, LIMIT_SECONDS)
    if done.code == 0:
        return None
    return done.output.strip() or f"{command.argv[0]} ended with {done.code}"


def _plain(text: str) -> str:
    # Half a character of a file's name, or a control character, ends such a command.
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(sign if sign >= " " else " " for sign in whole)


def _guarded(text: str) -> str:
    return f"\u200b{text}" if text.startswith("-") else text
