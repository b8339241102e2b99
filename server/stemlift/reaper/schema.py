"""`python -m stemlift.reaper.schema`: the JSON Schemas of requests and plans."""

from __future__ import annotations

import json
import sys
from typing import Any

from stemlift.reaper.facts import Request
from stemlift.reaper.plan import Plan


def schemas() -> dict[str, Any]:
    return {"request": Request.model_json_schema(), "plan": Plan.model_json_schema()}


if __name__ == "__main__":
    json.dump(schemas(), sys.stdout, indent=2)
    sys.stdout.write("\n")
