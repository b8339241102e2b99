"""The models of the fake server, which follow a script by their names.

"htdemucs" is fetched in four steps, "slow" stops half-way until its caller leaves, "broken"
arrives damaged, "blend" is an ensemble of htdemucs and slow, "mine" was imported. A file whose
name begins with "evil" is refused by an import, one that begins with "slow" takes for ever.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.gen import model_pb2, separation_pb2

SIZE = 84_000_000


def models() -> dict[str, model_pb2.Model]:
    stems = ["drums", "bass", "other", "vocals"]
    spectral = model_pb2.Model(
        name="spectral",
        title="Without weights",
        stems=stems,
        sample_rate=44100,
        installed=True,
        masks=["ratio", "binary"],
        licence="MIT",
        commercial_use=model_pb2.COMMERCIAL_USE_ALLOWED,
        auto_choice=True,
        network="spectral",
        origin=model_pb2.MODEL_ORIGIN_CATALOGUE,
    )
    demucs = model_pb2.Model(
        name="htdemucs",
        title="Demucs",
        stems=stems,
        sample_rate=44100,
        network="demucs",
        licence="Not stated by its author",
        download_bytes=SIZE,
        sdr={"vocals": 8.0, "drums": 8.5, "bass": 9.0, "other": 6.5},
        sdr_source="The paper.",
        speed=model_pb2.SPEED_CLASS_MEDIUM,
        origin=model_pb2.MODEL_ORIGIN_CATALOGUE,
        repository="owner/name",
        segment_frames=343_980,
        overlap=0.25,
    )
    slow = model_pb2.Model(
        name="slow",
        stems=["vocals", "instrumental"],
        sample_rate=44100,
        network="mel_band_roformer",
        licence="CC BY-NC 4.0",
        commercial_use=model_pb2.COMMERCIAL_USE_FORBIDDEN,
        sdr={"vocals": 10.94},
        sdr_source="Its author.",
        speed=model_pb2.SPEED_CLASS_SLOW,
        origin=model_pb2.MODEL_ORIGIN_CATALOGUE,
        files=[model_pb2.ModelFile(name="slow.ckpt", size_bytes=12_000, sha256="ab" * 32)],
    )
    broken = model_pb2.Model(name="broken", network="demucs", stems=stems, download_bytes=2000)
    blend = model_pb2.Model(
        name="blend",
        stems=stems,
        sample_rate=44100,
        network="ensemble",
        origin=model_pb2.MODEL_ORIGIN_USER,
        download_bytes=SIZE,
    )
    for stem in stems:
        weights = {"htdemucs": 1.0, "slow": 3.0} if stem == "vocals" else {"htdemucs": 1.0}
        blend.sources.add(stem=stem, weights=weights)
    mine = model_pb2.Model(
        name="mine",
        stems=["vocals", "other"],
        sample_rate=44100,
        network="bs_roformer",
        installed=True,
        installed_bytes=5000,
        origin=model_pb2.MODEL_ORIGIN_IMPORTED,
    )
    return {model.name: model for model in (spectral, demucs, slow, broken, blend, mine)}


class FakeModels:
    """The calls about models; the token is checked and errors are sent by who holds this."""

    def __init__(self) -> None:
        self.models = models()
        self.left: list[str] = []
        self.imports: list[separation_pb2.ImportModelRequest] = []

    def get(self, name: str) -> model_pb2.Model:
        if name not in self.models:
            raise StemliftError(
                Reason.MODEL_UNKNOWN, f"There is no model called {name}.", "Choose one."
            )
        return self.models[name]

    async def pull(self, name: str):
        model = self.get(name)
        if not model.installed:
            for step in range(4):
                yield separation_pb2.PullModelResponse(progress=_progress(step, 4, SIZE))
                if name == "slow" and step == 2:
                    await self._wait(name)
            if name == "broken":
                raise StemliftError(
                    Reason.CHECKPOINT_INVALID, "The file x is damaged.", "Pull it again."
                )
            model.installed, model.installed_bytes = True, SIZE
        yield separation_pb2.PullModelResponse(model=model)

    async def import_model(self, request):
        self.imports.append(request)
        name = Path(request.path).name
        if name.startswith("evil"):
            raise StemliftError(
                Reason.CHECKPOINT_REFUSED, f"{request.path} holds code.", "Do not trust it."
            )
        yield separation_pb2.ImportModelResponse(progress=_progress(1, 2, 5000))
        if name.startswith("slow"):
            await self._wait(name)
        result = separation_pb2.ImportResult(
            recognition=model_pb2.Recognition(
                format="BS-RoFormer checkpoint with its YAML",
                network="bs_roformer",
                stems=["vocals", "other"],
                sample_rate=44100,
                segment_frames=352_800,
                parameters=1_234_567,
                size_bytes=5000,
                warnings=["The key x is unknown."],
            )
        )
        if not request.inspect_only:
            model = model_pb2.Model(
                name=request.name,
                title=request.title,
                licence=request.licence,
                commercial_use=request.commercial_use,
                origin=model_pb2.MODEL_ORIGIN_IMPORTED,
                installed=True,
            )
            self.models[request.name] = model
            result.model.CopyFrom(model)
        yield separation_pb2.ImportModelResponse(result=result)

    async def verify(self, name: str):
        asked = [self.get(name)] if name else self.models.values()
        yield separation_pb2.VerifyModelResponse(progress=_progress(1, 2, 5000))
        result = separation_pb2.VerifyResult()
        for model in asked:
            if model.installed and model.name != "spectral":
                bad = model.name == "broken"
                result.files.add(
                    model=model.name,
                    path=f"/models/{model.name}.safetensors",
                    state=model_pb2.FILE_STATE_DAMAGED if bad else model_pb2.FILE_STATE_OK,
                    problem="Its content has changed." if bad else "",
                )
        yield separation_pb2.VerifyModelResponse(result=result)

    def remove(self, name: str) -> int:
        model = self.get(name)
        if not model.installed or name == "spectral" or model.built_in:
            raise StemliftError(Reason.ARGUMENT_INVALID, f"{name} has nothing.", "Leave it.")
        if model.origin == model_pb2.MODEL_ORIGIN_IMPORTED:
            del self.models[name]
        model.installed = False
        return model.installed_bytes

    async def _wait(self, name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.left.append(name)


def _progress(step: int, steps: int, total: int) -> model_pb2.ModelProgress:
    progress = model_pb2.ModelProgress(done_bytes=total * step // steps, total_bytes=total)
    if step:
        progress.seconds_left = 10.0 * (steps - step)
    return progress
