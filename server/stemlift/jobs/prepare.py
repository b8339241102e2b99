"""From what was asked for to what will be done: everything that can be refused at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from stemlift.audio.channels import ChannelMap
from stemlift.errors import Reason, StemliftError
from stemlift.jobs.job import AUTO, JobSpec
from stemlift.models.auto import choose_auto
from stemlift.models.catalogue import Catalogue
from stemlift.models.spec import MaskKind, ModelSpec
from stemlift.separation.mix import Mix, Range, check_unchanged, open_mix
from stemlift.separation.naming import default_folder, stem_file
from stemlift.separation.outputs import FileLayout, check_format
from stemlift.separation.publishing import output_exists
from stemlift.separation.stems import StemPlan, plan_stems


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that can run.

    spec: with model, folder and stems settled.
    parts: the models that have to be loaded: the model itself, or those of an ensemble.
    finals: final path of each stem, in the order of plan.written.
    missing_folders: folders that have to be made, innermost first.
    """

    spec: JobSpec
    model: ModelSpec
    parts: tuple[ModelSpec, ...]
    mix: Mix
    plan: StemPlan
    finals: dict[str, Path]
    missing_folders: tuple[Path, ...]
    warnings: tuple[str, ...]


def prepare(
    spec: JobSpec, catalogue: Catalogue, installed: Callable[[ModelSpec], bool]
) -> Prepared:
    """Check a job against the file, the model and the output folder.

    Raises:
        StemliftError: every reason that bad input has.
    """
    _require_absolute(spec.input, "input file")
    model = _model(spec.model, catalogue, installed)
    parts = catalogue.parts(model)
    plan = plan_stems(model.stems, spec.stems, spec.remainder, model.name)
    check_mask(model.name, model.masks, spec.mask)
    wish = Range(spec.start_frame, spec.frames, spec.start_seconds, spec.duration_seconds)
    channels = ChannelMap(spec.channel_mode, spec.channel_first, spec.channel_second)
    mix, warnings = open_mix(spec.input, wish, channels)
    if spec.input_modified_ns:
        # The file that was checked when the job was made, not another in its place.
        check_unchanged(replace(mix.info, size=spec.input_size, modified_ns=spec.input_modified_ns))
    layout = FileLayout(
        mix.sample_rate,
        mix.layout.channels,
        mix.layout.channel_mask,
        mix.grid_bits,
        mix.info.bext,
        spec.format,
    )
    check_format(layout)
    folder = spec.output_folder or default_folder(spec.input)
    _require_absolute(folder, "output folder")
    missing = _missing_folders(folder)
    finals = {
        stem: stem_file(folder, spec.input, stem, spec.format.value, spec.name_template)
        for stem in plan.written
    }
    for final in finals.values():
        if final.is_dir():
            raise _unwritable(folder, f"{final.name} in it is a folder")
        if _same_file(final, spec.input):
            raise StemliftError(
                Reason.OUTPUT_EXISTS,
                f"{final} is the song itself; a stem would replace it.",
                "Choose another folder with --out.",
            )
    return Prepared(
        spec=spec.model_copy(
            update={
                "model": model.name,
                "stems": plan.written,
                "output_folder": folder,
                "input_size": mix.info.size,
                "input_modified_ns": mix.info.modified_ns,
            }
        ),
        model=model,
        parts=parts,
        mix=mix,
        plan=plan,
        finals=finals,
        missing_folders=missing,
        warnings=tuple(warnings),
    )


def check_free(finals: dict[str, Path]) -> None:
    """Raises StemliftError (OUTPUT_EXISTS) for the first final name that is taken."""
    for final in finals.values():
        if os.path.lexists(final):
            raise output_exists(final)


def check_mask(model: str, offered: tuple[MaskKind, ...], asked: MaskKind | None) -> None:
    """Raises StemliftError (MASK_UNSUPPORTED) where the model has no such mask."""
    if asked is None or asked in offered:
        return
    if offered:
        raise StemliftError(
            Reason.MASK_UNSUPPORTED,
            f"The model {model} has no {asked} mask.",
            f"Choose from: {', '.join(offered)}.",
        )
    raise StemliftError(
        Reason.MASK_UNSUPPORTED,
        f"The model {model} works on the waveform and takes no mask.",
        "Leave --mask out, or choose a spectrogram model such as spectral.",
    )


def _model(name: str, catalogue: Catalogue, installed: Callable[[ModelSpec], bool]) -> ModelSpec:
    if name == AUTO:
        return choose_auto(catalogue, installed).spec
    return catalogue.get(name)


def _require_absolute(path: Path, what: str) -> None:
    if not path.is_absolute() or "\0" in str(path):
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The {what} {str(path)!r} is no absolute path.",
            "Give the whole path, from the root of the drive.",
        )


def _missing_folders(folder: Path) -> tuple[Path, ...]:
    """Folders to make, innermost first; refuses what plainly cannot be written."""
    missing = []
    current = folder
    try:
        while not current.exists():
            if current.is_symlink():
                raise _unwritable(folder, f"{current} is a broken link")
            if current.parent == current:
                raise _unwritable(folder, f"there is no {current}")
            missing.append(current)
            current = current.parent
        if not current.is_dir():
            raise _unwritable(folder, f"{current} is no folder")
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error
    if not os.access(current, os.W_OK | os.X_OK):
        raise _unwritable(folder, f"nothing may be written in {current}")
    return tuple(missing)


def _unwritable(folder: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.OUTPUT_UNWRITABLE,
        f"The folder {folder} cannot be written: {why}.",
        "Choose another folder with --out.",
    )


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False
