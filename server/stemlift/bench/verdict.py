"""From what was measured to what is best, and to lines for settings.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stemlift.bench.trials import AUTO, BF16, Setting, Trial

WORTH = 1.05
"""A setting is named when it is this many times as fast as what the server does by itself."""


@dataclass(frozen=True, slots=True)
class Advice:
    """settings: lines for settings.toml; none where the server chooses best by itself."""

    settings: tuple[str, ...]
    sentences: tuple[str, ...]


def measured(trials: Sequence[Trial]) -> Trial:
    """The trial that says how fast the model is as the server runs it by itself.

    Of several the fastest, the one that was disturbed least.
    """
    own = [trial for trial in trials if trial.setting == AUTO]
    warm = [trial for trial in own if not trial.loading]
    return max(warm or own, key=_speed)


def others(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """A trial for each other setting: of several the slowest, so that no luck speaks for it."""
    found: dict[Setting, Trial] = {}
    for trial in trials:
        if trial.setting != AUTO and not trial.loading:
            found[trial.setting] = min(found.get(trial.setting, trial), trial, key=_speed)
    return tuple(found.values())


def best(trials: Sequence[Trial]) -> Trial:
    """The fastest one that is worth a setting, else the server's own choice.

    bf16 is none of them: where its loss was measured and is small, the server takes it by itself.
    """
    own = measured(trials)
    able = (trial for trial in others(trials) if trial.setting != BF16)
    fastest = max(able, default=own, key=_speed)
    # A speed with loading in it is no ground for anything.
    worth = not own.loading and fastest.speed >= WORTH * own.speed
    return fastest if worth else own


def advise(found: Mapping[str, Sequence[Trial]]) -> Advice:
    """What to write into settings.toml for these models, and why.

    A line is written only where every model that was tried gains by it or loses little: one
    setting holds for all of them.
    """
    tried = {name: trials for name, trials in found.items() if trials}
    wins = {name: best(trials).setting for name, trials in tried.items()}
    chosen = [setting for setting in dict.fromkeys(wins.values()) if setting != AUTO]
    sentences = []
    for setting in chosen:
        names = [name for name, won in wins.items() if won == setting]
        times = [best(tried[name]).speed / measured(tried[name]).speed for name in names]
        sentences.append(
            f"{', '.join(names)}: {setting} is {min(times):.2f} times as fast as what the "
            "server chooses by itself."
        )
    sentences += [_of_bf16(name, trials) for name, trials in tried.items()]
    alone = [name for name, trials in tried.items() if not others(trials)]
    if alone:
        sentences.append(
            f"{', '.join(alone)}: time was up before another setting was tried; --seconds gives "
            "more of it."
        )
    sentences = [sentence for sentence in sentences if sentence]
    if len(alone) == len(tried):
        return Advice((), tuple(sentences))
    for setting in chosen:
        if all(_harmless(trials, setting) for trials in tried.values()):
            return Advice(_lines(setting), tuple(sentences))
    if not chosen:
        sentences.append("The server chooses best by itself: no setting is needed.")
    else:
        sentences.append("No setting is best for all of these models: name it for each job.")
    return Advice((), tuple(sentences))


def _of_bf16(name: str, trials: Sequence[Trial]) -> str:
    own = measured(trials)
    with_it = [trial for trial in others(trials) if trial.setting == BF16]
    if not with_it or own.loading or with_it[-1].speed < WORTH * own.speed:
        return ""
    times = with_it[-1].speed / own.speed
    return (
        f"{name}: bf16 is {times:.2f} times as fast. The server does not take it by itself, as "
        "nobody measured what this model loses by it; `stemlift evaluate --precision bf16` can."
    )


def _harmless(trials: Sequence[Trial], setting: Setting) -> bool:
    own = measured(trials)
    with_it = [trial for trial in others(trials) if trial.setting == setting]
    return bool(with_it) and with_it[-1].speed * WORTH >= own.speed


def _lines(setting: Setting) -> tuple[str, ...]:
    lines = []
    if setting.precision != "auto":
        lines.append(f'precision = "{setting.precision}"')
    if setting.batch:
        lines.append(f"batch = {setting.batch}")
    return tuple(lines)


def _speed(trial: Trial) -> float:
    return trial.speed
