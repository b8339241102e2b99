"""The figures of all songs as a table: row by row, and in sum."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from stemlift.evaluation.run import Scored
from stemlift.evaluation.scoring import Metric

HEAD = ("song", "model", "stem", "metric", "db")

NAMES = {"sdr": "SDR", "si_sdr": "SI-SDR", "isr": "ISR", "sir": "SIR", "sar": "SAR"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of one stem by one model, over the songs that have it, in dB."""

    model: str
    stem: str
    name: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        return fmean(self.values) if self.values else None

    @property
    def median(self) -> float | None:
        return median(self.values) if self.values else None


@dataclass(frozen=True, slots=True)
class MeanOfStems:
    """Over the stems of a model, the mean of their means and of their medians, in dB."""

    mean: float
    median: float


def figures(results: Sequence[Scored], metric: Metric) -> tuple[Figure, ...]:
    """Every figure, model by model and stem by stem, in the order in which they came."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for result in results:
        for score in result.scores:
            for name in metric.figures:
                values = found.setdefault((result.entrant, score.stem, name), [])
                value = score.values.get(name)
                if value is not None:
                    values.append(value)
    order = list(dict.fromkeys(result.entrant for result in results))
    ordered = sorted(found.items(), key=lambda each: order.index(each[0][0]))
    return tuple(Figure(*which, tuple(values)) for which, values in ordered)


def as_csv(results: Sequence[Scored], metric: Metric) -> str:
    """A row for each song, model, stem and figure; in dB, empty where there is none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows(_rows(results, metric))
    return out.getvalue()


def _rows(results: Sequence[Scored], metric: Metric) -> Iterator[tuple[str, ...]]:
    for result in results:
        for score in result.scores:
            for name in metric.figures:
                value = score.values.get(name)
                shown = "" if value is None else f"{value:.5f}"
                yield result.song, result.entrant, score.stem, name, shown


def mean_of_stems(found: Sequence[Figure], model: str, name: str) -> MeanOfStems | None:
    """A figure's mean over the stems of a model: of the means, and of the medians.

    None where it has fewer than two stems with this figure.
    """
    of_model = [each for each in found if (each.model, each.name) == (model, name) and each.values]
    if len(of_model) < 2:
        return None
    means = tuple(fmean(each.values) for each in of_model)
    medians = tuple(median(each.values) for each in of_model)
    return MeanOfStems(fmean(means), fmean(medians))


def as_json(
    results: Sequence[Scored], metric: Metric, options: Mapping[str, str]
) -> dict[str, Any]:
    """Means and medians over the songs, by model, stem and figure; with the options as given."""
    models: dict[str, dict[str, Any]] = {}
    found = figures(results, metric)
    for figure in found:
        told = models.setdefault(figure.model, {"stems": {}, "mean_of_stems": {}})
        told["stems"].setdefault(figure.stem, {})[figure.name] = {
            "mean": figure.mean,
            "median": figure.median,
            "songs": len(figure.values),
        }
    for model, told in models.items():
        for name in metric.figures:
            over = mean_of_stems(found, model, name)
            if over is not None:
                told["mean_of_stems"][name] = {"mean": over.mean, "median": over.median}
    return {
        "metric": str(metric),
        **options,
        "songs": list(dict.fromkeys(result.song for result in results)),
        "models": models,
    }
