"""Between the messages about models and the desk of the server. No decisions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.model_records import CheckedFile, ImportRequest, ModelListing, Recognition
from stemlift.jobs.progress import ModelProgress
from stemlift.models.spec import ModelSpec, Origin, Speed, WeightFile
from stemlift.rpc.gen import model_pb2
from stemlift.rpc.gen import separation_pb2 as api

COMMERCIAL_USES = {
    None: model_pb2.COMMERCIAL_USE_UNSPECIFIED,
    True: model_pb2.COMMERCIAL_USE_ALLOWED,
    False: model_pb2.COMMERCIAL_USE_FORBIDDEN,
}
SPEEDS = {
    None: model_pb2.SPEED_CLASS_UNSPECIFIED,
    Speed.FAST: model_pb2.SPEED_CLASS_FAST,
    Speed.MEDIUM: model_pb2.SPEED_CLASS_MEDIUM,
    Speed.SLOW: model_pb2.SPEED_CLASS_SLOW,
}
ORIGINS = {
    Origin.CATALOGUE: model_pb2.MODEL_ORIGIN_CATALOGUE,
    Origin.USER: model_pb2.MODEL_ORIGIN_USER,
    Origin.IMPORTED: model_pb2.MODEL_ORIGIN_IMPORTED,
}
FILE_STATES = {
    "ok": model_pb2.FILE_STATE_OK,
    "missing": model_pb2.FILE_STATE_MISSING,
    "damaged": model_pb2.FILE_STATE_DAMAGED,
    "unchecked": model_pb2.FILE_STATE_UNCHECKED,
}


def message_from_model(listing: ModelListing) -> model_pb2.Model:
    spec = listing.spec
    message = model_pb2.Model(
        name=spec.name,
        title=spec.title,
        stems=spec.stems,
        sample_rate=spec.sample_rate,
        installed=listing.installed,
        download_bytes=spec.download_bytes,
        masks=[str(mask) for mask in spec.masks],
        licence=spec.licence,
        loaded=listing.loaded,
        auto_choice=listing.auto_choice,
        network=str(spec.network),
        commercial_use=COMMERCIAL_USES[spec.commercial_use],
        sdr=dict(spec.sdr),
        sdr_source=spec.sdr_source,
        speed=SPEEDS[spec.speed],
        origin=ORIGINS[spec.origin],
        installed_bytes=listing.installed_bytes,
        repository=spec.repository or "",
        files=[_message_from_file(file) for file in spec.files],
        segment_frames=spec.segment or 0,
        sources=_sources(spec),
        built_in=spec.built_in,
    )
    if spec.overlap is not None:
        message.overlap = spec.overlap
    return message


def message_from_progress(progress: ModelProgress) -> model_pb2.ModelProgress:
    return model_pb2.ModelProgress(
        done_bytes=progress.done,
        total_bytes=progress.total,
        seconds_left=progress.seconds_left,
    )


def import_from_message(message: api.ImportModelRequest) -> ImportRequest:
    """Raises StemliftError (ARGUMENT_INVALID) for a field that makes no sense."""
    uses = {number: use for use, number in COMMERCIAL_USES.items()}
    if not message.path or message.commercial_use not in uses:
        field = "commercial_use" if message.path else "path"
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The import's field {field} cannot be used.",
            "See the comments in proto/stemlift/v1/separation.proto for what each field takes.",
        )
    return ImportRequest(
        path=Path(message.path),
        config=Path(message.config_path) if message.config_path else None,
        name=message.name,
        title=message.title,
        licence=message.licence,
        commercial_use=uses[message.commercial_use],
        inspect_only=message.inspect_only,
    )


def message_from_import(done: tuple[Recognition, ModelListing | None]) -> api.ImportResult:
    found, listing = done
    message = api.ImportResult(
        recognition=model_pb2.Recognition(
            format=found.format,
            network=found.network,
            stems=found.stems,
            sample_rate=found.sample_rate,
            segment_frames=found.segment,
            parameters=found.parameters,
            size_bytes=found.size,
            warnings=found.warnings,
        )
    )
    if listing is not None:
        message.model.CopyFrom(message_from_model(listing))
    return message


def message_from_checks(files: Iterable[CheckedFile]) -> api.VerifyResult:
    return api.VerifyResult(
        files=[
            model_pb2.FileCheck(
                model=file.model,
                path=str(file.path),
                state=FILE_STATES[file.state],
                problem=file.problem,
            )
            for file in files
        ]
    )


def _message_from_file(file: WeightFile) -> model_pb2.ModelFile:
    return model_pb2.ModelFile(
        name=file.name,
        address=file.address or "",
        size_bytes=file.size or 0,
        sha256=file.sha256 or "",
        member=file.member or "",
        md5=file.md5 or "",
    )


def _sources(spec: ModelSpec) -> list[model_pb2.EnsembleSource]:
    return [
        model_pb2.EnsembleSource(stem=stem, weights={part.model: part.weight for part in parts})
        for stem, parts in spec.sources
    ]
