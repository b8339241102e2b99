"""A report as plain values, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stemlift import __version__
from stemlift.quality.measure import Measurements, Sound
from stemlift.quality.verdicts import Verdict, total_bleed_db, worst
from stemlift.report.folder import Subject


def as_json(subject: Subject, found: Measurements, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Levels are in dB, −300 for none at all; null where there is no figure. Paths are absolute."""
    return {
        "stemlift": __version__,
        "song": subject.title,
        "mix": None if subject.mix is None else str(subject.mix.absolute()),
        "model": subject.model,
        "sample_rate": found.rate,
        "channels": found.channels,
        "frames": found.frames,
        "start_frame": subject.start,
        "verdict": worst(each.level for each in verdicts),
        "null": None if found.null is None else asdict(found.null),
        "sum_db": found.balance.sum_db,
        "excess_db": found.balance.excess_db,
        "ripple_db": found.ripple.plain_db,
        "high_loss_db": found.high_loss_db,
        "mix_measured": _sound(found.mix),
        "stems": {name: _stem(subject, found, name) for name in found.stems},
        "verdicts": [asdict(each) for each in verdicts],
        "notes": list(subject.notes),
    }


def _stem(subject: Subject, found: Measurements, name: str) -> dict[str, Any]:
    smear = found.smears.get(name)
    return {
        "file": str(subject.stems[name].absolute()),
        **_sound(found.stems[name]),
        "share_db": found.balance.shares_db[name],
        "bleed_db": total_bleed_db(found, name),
        "bleed": {
            leak.source: {
                "level_db": leak.level_db,
                "activity_db": leak.activity_db,
                "in_stem_db": leak.in_stem_db,
            }
            for leak in found.leaks_into(name)
        },
        "ripple_db": found.ripple.shifted_db[name],
        "smear_db": None if smear is None else smear.loss_db,
        "attacks": 0 if smear is None else smear.attacks,
    }


def _sound(sound: Sound) -> dict[str, Any]:
    return {
        "peak_dbfs": sound.peak_dbfs,
        "rms_dbfs": sound.rms_dbfs,
        "loudness_lufs": sound.loudness.integrated_lufs,
        "true_peak_dbtp": sound.loudness.true_peak_dbtp,
        "stereo": None if sound.stereo is None else asdict(sound.stereo),
        "clipping": asdict(sound.clipping),
        "cutoff_hz": sound.cutoff_hz,
    }
