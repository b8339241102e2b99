"""The text of a systemd user unit.

Sources: systemd.service(5), systemd.exec(5), systemd.syntax(7).
"""

from __future__ import annotations

from pathlib import Path

from stemlift.watch.service.program import MARK, Program

# In the name of a program, whatever the quoting; in its arguments all is allowed.
_REFUSED = frozenset("\"'\\")


def unit_name(program: Program) -> str:
    return f"{program.name}.service"


def unit_text(program: Program) -> str:
    """The unit: starts with the session, comes back when it fails, as often as it must.

    A client may have started a server by itself, which holds the lock until it is idle.
    The unit fails then, and tries again every ten seconds until the other is gone.
    """
    variables = {MARK: "1"}
    if program.home is not None:
        variables["STEMLIFT_HOME"] = str(program.home)
    environment = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n" for name, value in variables.items()
    )
    argv = program.argv
    if _REFUSED & set(argv[0]):
        argv = ("/bin/sh", "-c", 'exec "$0" "$@"', *argv)
    # ":" keeps systemd from putting variables in place of "$".
    command = ":" + " ".join(_quoted(part) for part in argv)
    return f"""\
# Written by `stemlift watch install-service`, and removed by `uninstall-service`.
[Unit]
Description=Stemlift: separates songs into stems
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart={command}
{environment}Restart=on-failure
RestartSec=10
KillMode=mixed
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def is_ours(text: str) -> bool:
    return f'Environment="{MARK}=1"' in text


def unit_file(config: Path, program: Program) -> Path:
    """Where it lies; `config` is ~/.config or what XDG_CONFIG_HOME says."""
    return config / "systemd" / "user" / unit_name(program)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
