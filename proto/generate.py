"""Generate server/stemlift/rpc/gen from the protos; with --check, say whether it is in step.

The generator is pinned (see pyproject.toml): code from newer ones refuses older run-times.
"""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parent
PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
GENERATED = PROTO.parent / "server" / "stemlift" / "rpc" / "gen"


def _plugin(name: str) -> str:
    """The generator plugin that lies beside this Python, whatever PATH says."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        raise SystemExit(f"{name} is missing: install the project with its [dev] extra.")
    return found


def generate(out: Path) -> None:
    """Write the generated modules and stubs for stemlift.v1 into the folder `out`."""
    sources = sorted(PROTO.glob("stemlift/v1/*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        code = protoc.main(
            [
                "protoc",
                f"-I{PROTO}",
                f"-I{files('grpc_tools') / '_proto'}",
                *(f"--plugin={name}={_plugin(name)}" for name in PLUGINS),
                f"--python_out={scratch}",
                f"--grpc_python_out={scratch}",
                f"--mypy_out=quiet:{scratch}",
                f"--mypy_grpc_out=quiet:{scratch}",
                *map(str, sources),
            ]
        )
        if code:
            raise SystemExit(code)
        for path in sorted((Path(scratch) / "stemlift" / "v1").iterdir()):
            text = path.read_text(encoding="utf-8")
            # protoc names modules after the proto package; ours live in rpc/gen.
            text = re.sub(r"\bstemlift\.v1 import", "stemlift.rpc.gen import", text)
            text = re.sub(r"\bstemlift\.v1\.(\w+_pb2)", r"stemlift.rpc.gen.\1", text)
            (out / path.name).write_text(text, encoding="utf-8")


def main() -> int:
    if "--check" not in sys.argv[1:]:
        generate(GENERATED)
        return 0
    with tempfile.TemporaryDirectory() as fresh:
        generate(Path(fresh))
        stale = [
            path.name
            for path in sorted(Path(fresh).iterdir())
            if not (GENERATED / path.name).is_file()
            or path.read_bytes() != (GENERATED / path.name).read_bytes()
        ]
    if stale:
        raise SystemExit(f"Out of step with the protos: {stale}; run python proto/generate.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
