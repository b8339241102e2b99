"""From the messages about models to the dataclasses of `model_results`, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.gen import model_pb2
from stemlift.rpc.gen import separation_pb2 as api
from stemlift.rpc.model_results import (
    CommercialUse,
    FileCheck,
    FileState,
    ImportResult,
    ModelFile,
    ModelInfo,
    ModelList,
    ModelProgress,
    Recognition,
)

OnProgress = Callable[[ModelProgress], None]

_COMMERCIAL_USES = {
    model_pb2.COMMERCIAL_USE_ALLOWED: CommercialUse.ALLOWED,
    model_pb2.COMMERCIAL_USE_FORBIDDEN: CommercialUse.FORBIDDEN,
}
_SPEEDS = {
    model_pb2.SPEED_CLASS_FAST: "fast",
    model_pb2.SPEED_CLASS_MEDIUM: "medium",
    model_pb2.SPEED_CLASS_SLOW: "slow",
}
_ORIGINS = {
    model_pb2.MODEL_ORIGIN_CATALOGUE: "catalogue",
    model_pb2.MODEL_ORIGIN_USER: "models.toml",
    model_pb2.MODEL_ORIGIN_IMPORTED: "imported",
}
_FILE_STATES = {
    model_pb2.FILE_STATE_OK: FileState.OK,
    model_pb2.FILE_STATE_MISSING: FileState.MISSING,
    model_pb2.FILE_STATE_DAMAGED: FileState.DAMAGED,
}

ModelStep: TypeAlias = api.PullModelResponse | api.ImportModelResponse | api.VerifyModelResponse
Step = TypeVar("Step", api.PullModelResponse, api.ImportModelResponse, api.VerifyModelResponse)


def read_models(reply: api.ListModelsResponse) -> ModelList:
    """The models as sent."""
    return ModelList(tuple(read_model(model) for model in reply.models), reply.advice)


def read_model(model: model_pb2.Model) -> ModelInfo:
    """A model as sent."""
    return ModelInfo(
        name=model.name,
        title=model.title,
        stems=tuple(model.stems),
        sample_rate=model.sample_rate,
        installed=model.installed,
        download_bytes=model.download_bytes,
        masks=tuple(model.masks),
        licence=model.licence,
        loaded=model.loaded,
        auto_choice=model.auto_choice,
        network=model.network,
        commercial_use=_COMMERCIAL_USES.get(model.commercial_use, CommercialUse.UNKNOWN),
        # A map has no order on the wire; the model's stems have one.
        sdr={stem: model.sdr[stem] for stem in model.stems if stem in model.sdr},
        sdr_source=model.sdr_source,
        speed=_SPEEDS.get(model.speed, ""),
        origin=_ORIGINS.get(model.origin, ""),
        installed_bytes=model.installed_bytes,
        repository=model.repository,
        files=tuple(
            ModelFile(
                name=file.name,
                address=file.address,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                member=file.member,
                md5=file.md5,
            )
            for file in model.files
        ),
        segment_frames=model.segment_frames,
        overlap=model.overlap if model.HasField("overlap") else None,
        sources={source.stem: dict(sorted(source.weights.items())) for source in model.sources},
        built_in=model.built_in,
    )


def read_import(result: api.ImportResult) -> ImportResult:
    """What was recognised and made, as sent."""
    found = result.recognition
    return ImportResult(
        Recognition(
            format=found.format,
            network=found.network,
            stems=tuple(found.stems),
            sample_rate=found.sample_rate,
            segment_frames=found.segment_frames,
            parameters=found.parameters,
            size_bytes=found.size_bytes,
            warnings=tuple(found.warnings),
        ),
        read_model(result.model) if result.HasField("model") else None,
    )


def read_checks(result: api.VerifyResult) -> tuple[FileCheck, ...]:
    """The checked files as sent."""
    return tuple(
        FileCheck(
            model=file.model,
            path=Path(file.path),
            state=_FILE_STATES.get(file.state, FileState.UNCHECKED),
            problem=file.problem,
        )
        for file in result.files
    )


def take(step: ModelStep, on_progress: OnProgress | None) -> bool:
    """Pass progress on to who wants it; True for the last message, which holds none."""
    if step.WhichOneof("step") != "progress":
        return True
    if on_progress is not None:
        told = step.progress
        left = told.seconds_left if told.HasField("seconds_left") else None
        on_progress(ModelProgress(told.done_bytes, told.total_bytes, left))
    return False


def broken_off(what: str) -> StemliftError:
    """The server left in good order in the middle of a stream about models."""
    return StemliftError(
        Reason.SERVER_LOST,
        f"The server left before the {what} was done.",
        "Try again: the next command starts the server, and a pull goes on where it stopped.",
    )
