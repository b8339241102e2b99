"""museval's figures, without the rest of the package.

Importing `museval` asks for FFmpeg's programs, to read recordings with; its figures need none.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def load() -> ModuleType:
    """The module `museval.metrics`."""
    package = importlib.util.find_spec("museval")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).with_name("metrics.py")
    spec = importlib.util.spec_from_file_location("museval_metrics_of_the_package", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
