"""The YAML that public Band-Split RNN implementations configure themselves with.

Two are known. A. Amatov's BandSplitRNN-PyTorch (“pair”: both channels at once) keeps
`model`, `featurizer` and `audio_params` in an `hparams.yaml`; its training leaves the same
`model` and `featurizer` in a `config.yaml`, with `test_dataset` for `audio_params`.
P. Magron's bsrnn (“channel”: each channel alone) has a flat file per variant, whose values
may refer to those of a general `config.yaml`; its `helpers/checkpoints.py` prints the same
keys, and some more, for a checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stemlift.models.formats.tensors import InvalidCheckpointError
from stemlift.networks.band_tables import JOINT, BandTable, bins_by_edge, bins_by_width, table_for

_REFERENCE = re.compile(r"\$\{(\.*)([\w.]+)\}")
_MOST_REFERENCES = 8

_GENERAL = {"sample_rate": 44100, "n_fft": 2048, "n_hop": 512, "nb_channels": 2}
"""What a variant's file refers to, as the general configuration was published."""

_PAIR_TRAINING = (
    *("train_dataset", "val_dataset", "test_dataset", "audio_params", "sad", "augmentations"),
    *("model", "featurizer", "callbacks", "train_loader", "val_loader", "opt", "sch", "ckpt_path"),
    *("logger", "trainer", "experiment_dirname", "hydra"),
)
_CHANNEL_TRAINING = (
    *("name", "name_out_dir", "name_tblog_dir", "cfg_optim", "cfg_scheduler", "cfg_eval"),
    *("targets", "Last epoch"),
)
_TRANSFORM_DEFAULTS = {
    "pad": (0,),
    "normalized": (False,),
    "wkwargs": (None,),
    "center": (True,),
    "pad_mode": ("reflect",),
    "onesided": (True, None),
}


@dataclass(frozen=True, slots=True)
class Described:
    """A model as its configuration has it; lengths in samples, `part` as the network's part."""

    part: dict[str, Any]
    rate: int
    n_fft: int
    hop: int
    window: int
    segment: int | None
    overlap: float | None
    warnings: tuple[str, ...]


class Settings:
    """A mapping of a YAML file, asked for one key after the other."""

    def __init__(self, values: Mapping[str, Any], path: tuple[str, ...], root: Any) -> None:
        self._values = values
        self._path = path
        self._root = root
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return self.plain(key, None) is not None

    def plain(self, key: str, default: Any) -> Any:
        """The value itself, references followed; `default` where there is none."""
        self._asked.add(key)
        value = self._values.get(key, default)
        place = (*self._path, key)
        for _ in range(_MOST_REFERENCES):
            found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
            if found is None:
                return value
            dots, names = len(found[1]), tuple(found[2].split("."))
            place = (*place[: max(len(place) - dots, 0)], *names) if dots else names
            value = _at(self._root, place)
        raise InvalidCheckpointError(f"its “{key}” refers to nothing that has a value")

    def number(self, key: str, default: float | None = None) -> float:
        value = self.plain(key, default)
        try:
            # YAML 1.1 takes 1e-7, with no point in it, for text.
            number = float(value) if not isinstance(value, bool) else float("nan")
        except (TypeError, ValueError):
            number = float("nan")
        if not abs(number) < 2**31:
            raise InvalidCheckpointError(f"its “{key}” is missing or no number")
        return number

    def integer(self, key: str, default: int | None = None) -> int:
        number = self.number(key, default)
        if not number.is_integer():
            raise InvalidCheckpointError(f"its “{key}” is no whole number")
        return int(number)

    def flag(self, key: str, default: bool | None = None) -> bool:
        value = self.plain(key, default)
        if not isinstance(value, bool):
            raise InvalidCheckpointError(f"its “{key}” is missing or neither true nor false")
        return value

    def choice(self, key: str, known: Mapping[str | None, str], default: str | None = None) -> str:
        value = self.plain(key, default)
        if not (value is None or isinstance(value, str)) or value not in known:
            raise InvalidCheckpointError(f"its “{key}” is “{value}”, which Stemlift does not know")
        return known[value]

    def inside(self, key: str) -> Settings:
        """The mapping under `key`, empty where there is none."""
        value = self.plain(key, None)
        values = value if isinstance(value, dict) else {}
        return Settings(values, (*self._path, key), self._root)

    def unasked(self, passed_over: Sequence[str] = ()) -> tuple[str, ...]:
        """The keys that nobody asked for."""
        keys = (str(key) for key in self._values if key not in self._asked)
        return tuple(key for key in keys if key not in passed_over)

    def warnings(self, passed_over: Sequence[str] = ()) -> tuple[str, ...]:
        """On each key that nobody asked for."""
        return tuple(
            f"The configuration's “{key}” is not known and has no effect."
            for key in self.unasked(passed_over)
        )


def _at(root: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        root = root.get(name) if isinstance(root, dict) else None
    return root


def kind_of(values: Mapping[str, Any]) -> str:
    """ "pair", "channel", or "general" for values that others refer to.

    Raises:
        InvalidCheckpointError: none of them.
    """
    model = values.get("model")
    if isinstance(model, dict) and "bandsplits" in model:
        return "pair"
    if "feature_dim" in values or isinstance(values.get("src_mod"), dict):
        return "channel"
    if "n_fft" in values:
        return "general"
    raise InvalidCheckpointError("it is not the configuration of a Band-Split RNN that is known")


def targets_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The stems that a model's configuration names, or none."""
    if kind_of(values) == "channel":
        targets = values.get("targets")
        named = targets if isinstance(targets, list) else [targets]
    else:
        root = Settings(values, (), values)
        sections = (root.inside(key) for key in ("audio_params", "train_dataset", "test_dataset"))
        found = (section.plain("target", None) for section in sections)
        named = [name for name in found if name is not None][:1]
    return tuple(name for name in named if isinstance(name, str))


def describe(
    values: Mapping[str, Any], general: Mapping[str, Any], stems: tuple[str, ...], count: int
) -> Described:
    """A model of `count` stems; `stems` are their names, () where these are not known.

    Raises:
        InvalidCheckpointError: a value is missing or wrong, or asks for what is not done here.
    """
    try:
        if kind_of(values) == "pair":
            return _pair(Settings(values, (), values))
        nested = isinstance(values.get("src_mod"), dict)
        own = values if nested else {"src_mod": values, "cfg_eval": values.get("cfg_eval")}
        root = {**_GENERAL, **general, **own}
        model = Settings(root["src_mod"], ("src_mod",), root)
        return _channel(model, Settings(root, (), root), stems, count)
    except ValueError as error:
        raise InvalidCheckpointError(str(error)) from error


def _pair(root: Settings) -> Described:
    model = root.inside("model")
    rate, n_fft = model.integer("sr"), model.integer("n_fft")
    _require_usable(rate, n_fft)
    hop, window = _transform(root.inside("featurizer"), n_fft)
    if not model.flag("complex_as_channel"):
        raise InvalidCheckpointError(
            "its “complex_as_channel” is false: it gives magnitudes, which have no sound"
        )
    if model.flag("return_mask", False):
        raise InvalidCheckpointError("its “return_mask” is true: it gives masks and no sound")
    part: dict[str, Any] = {
        "kind": "pair",
        "bands": list(bins_by_edge(_table(model.plain("bandsplits", None)), rate, n_fft)),
        "features": model.integer("fc_dim"),
        "hidden": model.integer("rnn_dim"),
        "layers": model.integer("num_layers"),
        "mask_hidden": model.integer("mlp_dim"),
        "frames": model.integer("t_timesteps"),
        "rnn": model.choice("rnn_type", {"LSTM": "LSTM", "GRU": "GRU", "RNN": "RNN"}),
        "bidirectional": model.flag("bidirectional"),
        "attention": model.choice("bottleneck_layer", {"rnn": "", "att": "att"}) == "att",
        "channels": 1 if model.flag("is_mono") else 2,
    }
    warnings = (*model.warnings(), *root.warnings(_PAIR_TRAINING))
    segment, overlap = _pair_chunks(root, rate, hop, window, part["frames"])
    return Described(part, rate, n_fft, hop, window, segment, overlap, warnings)


def _require_usable(rate: int, n_fft: int) -> None:
    if not (rate > 0 and 16 <= n_fft <= 2**16):
        raise InvalidCheckpointError(f"no spectrum of {n_fft} samples at {rate} Hz")


def _table(value: Any) -> BandTable:
    match value:
        case [*pairs] if pairs:
            table: list[tuple[float, float]] = []
            for pair in pairs:
                match pair:
                    case [int() | float() as limit, int() | float() as step]:
                        table.append((limit, step))
                    case _:
                        break
            else:
                return tuple(table)
    raise InvalidCheckpointError("its “bandsplits” are no pairs of a limit and a step")


def _transform(featurizer: Settings, n_fft: int) -> tuple[int, int]:
    """Hop and window of a transform that must be torchaudio's with its defaults."""
    found = []
    for key, name in (("direct_transform", "Spectrogram"), ("inverse_transform", "Inverse")):
        part = featurizer.inside(key)
        target = str(part.plain("_target_", "missing")).rpartition(".")[2]
        if not target.startswith(name):
            raise InvalidCheckpointError(f"its “{key}” is {target}, which Stemlift does not know")
        if name == "Spectrogram" and part.plain("power", 2) is not None:
            raise InvalidCheckpointError("its “power” is not null: the spectra would be real")
        for default, allowed in _TRANSFORM_DEFAULTS.items():
            if part.plain(default, allowed[0]) not in allowed:
                raise InvalidCheckpointError(f"its “{default}” is other than Stemlift's")
        window = part.integer("win_length", n_fft)
        found.append((part.integer("n_fft"), part.integer("hop_length", window // 2), window))
        for other in part.unasked():
            raise InvalidCheckpointError(f"its “{key}” has “{other}”, which is not known")
    if found[0] != found[1]:
        raise InvalidCheckpointError("its two transforms are not each other's inverse")
    size, hop, window = found[0]
    if size != n_fft or not 0 < window <= n_fft or not 0 < hop <= window:
        raise InvalidCheckpointError(f"its transform of {size} samples does not fit its model")
    return hop, window


def _pair_chunks(
    root: Settings, rate: int, hop: int, window: int, frames: int
) -> tuple[int, float | None]:
    """Segment and overlap. The network takes its own number of frames and no other.

    The reference adds segments up as they are (or under a window) and divides by a constant,
    which its step does not quite suit; here they are weighted by triangles.
    """
    audio = root.inside("audio_params" if "audio_params" in root else "test_dataset")
    if "win_size" not in audio or "hop_size" not in audio:
        return (frames - 1) * hop, None
    if audio.integer("sr", rate) != rate:
        raise InvalidCheckpointError("its two “sr” are not the same")
    chunk = int(audio.number("win_size") * rate)
    padding = window - chunk % hop
    segment = chunk + padding
    step = int(audio.number("hop_size") * rate) + padding
    if segment // hop + 1 != frames:
        raise InvalidCheckpointError(
            f"its “win_size” makes {segment // hop + 1} frames where “t_timesteps” is {frames}"
        )
    if not 0 < step <= segment:
        raise InvalidCheckpointError("its “hop_size” is longer than its “win_size”")
    return segment, 1 - step / segment


def _channel(model: Settings, root: Settings, stems: tuple[str, ...], count: int) -> Described:
    name = str(model.plain("name", ""))
    if "cnn" in name:
        raise InvalidCheckpointError(f"it is a “{name}”, a network without recurrence")
    rate, n_fft = model.integer("sample_rate", 44100), model.integer("n_fft", 2048)
    hop = model.integer("n_hop", 512)
    _require_usable(rate, n_fft)
    if not 0 < hop <= n_fft:
        raise InvalidCheckpointError(f"its “n_hop” is {hop}")
    joint = model.flag("joint_bandsplit", False) or count > 1
    if not joint and not stems:
        raise InvalidCheckpointError("its bands depend on its stem, which no name tells")
    table = JOINT if joint else table_for(stems)
    layers: dict[str | None, str] = {"lstm": "lstm", "gru": "gru", "conv": "conv"}
    ways: dict[str | None, str] = {None: "apart", "": "apart", "naive": "joint", "tac": "exchanged"}
    part: dict[str, Any] = {
        "kind": "channel",
        "bands": list(bins_by_width(table, rate, n_fft // 2 + 1)),
        "stems": count,
        "features": model.integer("feature_dim", 128),
        "layers": model.integer("num_repeat", 12),
        "hidden_factor": model.integer("fac_sep", 2),
        "time_layer": model.choice("time_layer", layers, "lstm"),
        "band_layer": model.choice("band_layer", layers, "lstm"),
        "bidirectional": model.flag("bidirectional", True),
        "mask_factor": model.integer("fac_mask", 4),
        "mask_context": model.integer("mask_ctxt", 0),
        "last_is_rest": model.flag("subtract_last_trgt", False) and count > 1,
        "heads": model.integer("n_heads", 1),
        "groups": None if model.plain("group_num", 1) is None else model.integer("group_num", 1),
        "attention_heads": model.integer("n_att_head", 0),
        "attention_features": model.integer("attn_enc_dim", 16),
        "stereo": model.choice("stereo", ways),
        "exchange_factor": model.integer("fac_tac", 3),
        "exchange_activation": model.choice("act_tac", {"tanh": "tanh", "prelu": "prelu"}, "tanh"),
        "eps": model.number("eps", 1e-7),
    }
    if part["stereo"] != "apart" and model.integer("nb_channels", 2) != 2:
        raise InvalidCheckpointError("its “nb_channels” is not 2 though its “stereo” needs both")
    segment, overlap, more = _channel_chunks(root, rate)
    # Asked for only where it matters.
    warnings = (*model.warnings((*_CHANNEL_TRAINING, "nb_channels")), *more)
    return Described(part, rate, n_fft, hop, n_fft, segment, overlap, warnings)


def _channel_chunks(root: Settings, rate: int) -> tuple[int | None, float | None, tuple[str, ...]]:
    """Segment, overlap and warnings. Triangles that overlap by less than half are linear fades.

    The reference's fades begin with a shorter segment; from the second on these are its.
    """
    chunks = root.inside("cfg_eval" if "cfg_eval" in root else "eval")
    length = chunks.number("segment_len", 10.0)
    if length <= 0:
        warning = "The configuration wants whole songs in one piece; segments are used."
        return None, None, (warning,)
    hop = chunks.plain("hop_size", None)
    if hop is not None:
        overlap = 1 - chunks.number("hop_size") / length
        segment = int(rate * length)
    else:
        share = chunks.number("overlap", 0.1)
        fade = int(rate * length * share)
        segment = int(rate * length * (1 + share)) + fade
        overlap = fade / segment
    if not (segment > 0 and 0 <= overlap < 1):
        raise InvalidCheckpointError("its “segment_len” and overlap make no segments")
    return segment, overlap, ()
