"""Whoever is measured: models, and two baselines that say how hard a song is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stemlift.errors import Reason, StemliftError
from stemlift.evaluation.oracle import EXPONENT, HOP, WINDOW, ratio_mask
from stemlift.evaluation.recordings import Audio, Recording
from stemlift.rpc.client import Client
from stemlift.rpc.model_results import ModelInfo


class Baseline(StrEnum):
    """MIXTURE: the mix itself as every stem. ORACLE: the ideal ratio mask, a ceiling."""

    MIXTURE = "mixture"
    ORACLE = "oracle"

    def estimates(self, truth: Recording, check: Callable[[], None]) -> dict[str, Audio]:
        """Every stem of the song, as this baseline gives it."""
        if self is Baseline.MIXTURE:
            return dict.fromkeys(truth.stems, truth.mixture)
        return ratio_mask(truth.stems, truth.mixture, check)


@dataclass(frozen=True, slots=True)
class Entrant:
    """One that is measured.

    name: in tables. model: as the server knows it; "" for a baseline.
    identity: changes with all that changes its stems.
    """

    name: str
    model: str
    identity: str
    baseline: Baseline | None = None


_NOBODY = Entrant("", "", "")


def entrants(
    models: Sequence[str], baselines: Iterable[Baseline], client: Callable[[], Client]
) -> tuple[Entrant, ...]:
    """The models by name, then the baselines; each once.

    Raises:
        StemliftError: ARGUMENT_INVALID where nothing is named; MODEL_UNKNOWN; reasons of
            reaching the server.
    """
    found: dict[str, Entrant] = {}
    for name in models:
        info = _model(client(), name)
        # Another version may compute the same weights in another way.
        identity = f"{client().server_info().version} {_identity(client(), info)}"
        found[info.name] = Entrant(info.name, info.name, identity)
    for baseline in baselines:
        identity = f"{baseline} {WINDOW} {HOP} {EXPONENT}"
        if found.get(baseline, _NOBODY).model:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"A model is called {baseline}, as a baseline is.",
                "Measure the one and the other by themselves.",
            )
        found[baseline] = Entrant(baseline.value, "", identity, baseline)
    if not found:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            "Nothing is named that could be measured.",
            "Give --model with a name from `stemlift models list`, or --baseline.",
        )
    return tuple(found.values())


def _model(client: Client, name: str) -> ModelInfo:
    if name != "auto":
        return client.model(name)
    # The record must name what was measured, not what is best on some day.
    chosen = [model for model in client.models().models if model.auto_choice]
    return chosen[0] if chosen else client.model(name)


def _identity(client: Client, model: ModelInfo) -> str:
    parts = [client.model(name) for name in model.parts]
    each: list[tuple[object, ...]] = []
    for part in (model, *parts):
        files = tuple((file.name, file.size_bytes, file.sha256, file.md5) for file in part.files)
        each.append((part.name, part.origin, part.network, part.repository, files))
        each.append((part.segment_frames, part.overlap, part.stems))
    return repr((each, sorted((stem, sorted(w.items())) for stem, w in model.sources.items())))
