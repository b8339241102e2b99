"""What a recipe can ask for besides the stems: names, and what writes them."""

from __future__ import annotations

from collections.abc import Mapping

from stemlift.watch.extra import Extra
from stemlift.watch.extra_flac import write_flac
from stemlift.watch.extra_report import write_page
from stemlift.watch.extra_sessions import write_daw_project, write_reaper_project
from stemlift.watch.extra_stem_mp4 import write_stem_file

EXTRAS: Mapping[str, Extra] = {
    "flac": write_flac,
    "stem.mp4": write_stem_file,
    "dawproject": write_daw_project,
    "rpp": write_reaper_project,
    "report": write_page,
}
