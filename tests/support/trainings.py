"""Checkpoints as a training with PyTorch Lightning leaves them, omegaconf's objects included.

with omegaconf_objects() as made:
    torch.save(lightning_content(state, targets=made.list("vocals")), path)
"""

from __future__ import annotations

import sys
import types
import typing
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any
from unittest import mock

import torch
from torch import Tensor

_CLASSES = {
    "omegaconf.dictconfig": ("DictConfig",),
    "omegaconf.listconfig": ("ListConfig",),
    "omegaconf.nodes": ("AnyNode",),
    "omegaconf.base": ("ContainerMetadata", "Metadata"),
}


class Omegaconf:
    """Makes what omegaconf 2.3 pickles: wrapped values that know what they lie in."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self._classes = classes

    def dictionary(self, **values: Any) -> Any:
        made = self._container("DictConfig", dict)
        made._content = {key: self._inside(value, made, key) for key, value in values.items()}
        return made

    def list(self, *values: Any) -> Any:
        made = self._container("ListConfig", list)
        made._content = [self._inside(value, made, key) for key, value in enumerate(values)]
        return made

    def _container(self, name: str, kind: type) -> Any:
        made = self._classes[name]()
        made._metadata = self._classes["ContainerMetadata"]()
        made._metadata.__dict__.update(
            ref_type=typing.Any,
            object_type=kind,
            optional=True,
            key=None,
            flags={},
            resolver_cache=defaultdict(dict),
            key_type=typing.Any,
            element_type=typing.Any,
        )
        made._parent = None
        return made

    def _inside(self, value: Any, parent: Any, key: Any) -> Any:
        if type(value).__module__.startswith("omegaconf"):
            value._parent = parent
            return value
        node = self._classes["AnyNode"]()
        node._metadata = self._classes["Metadata"]()
        node._metadata.__dict__.update(ref_type=typing.Any, object_type=None, key=key)
        node.__dict__.update(_parent=parent, _flags_cache=None, _val=value)
        return node


@contextmanager
def omegaconf_objects() -> Iterator[Omegaconf]:
    """Its classes can be pickled inside, and are nowhere to be found afterwards."""
    modules = {"omegaconf": types.ModuleType("omegaconf")}
    classes = {}
    for name, inside in _CLASSES.items():
        modules[name] = types.ModuleType(name)
        for each in inside:
            classes[each] = type(each, (), {"__module__": name})
            setattr(modules[name], each, classes[each])
    with mock.patch.dict(sys.modules, modules):
        yield Omegaconf(classes)


def lightning_content(
    state: Mapping[str, Tensor], made: Omegaconf | None = None, **settings: Any
) -> dict[str, Any]:
    """All that `Trainer.save_checkpoint` writes, in its order, `settings` among the others."""
    parameters = list(state.values())
    moments = {
        index: {"step": torch.tensor(3.0), "exp_avg": torch.rand(value.shape)}
        for index, value in enumerate(parameters)
    }
    hyper: dict[str, Any] = {"sample_rate": 44100, "eps": 1e-07, **settings}
    if made is not None:
        hyper["cfg_optim"] = made.dictionary(algo="adam", lr=1e-3, patience=10)
        hyper["cfg_scheduler"] = made.dictionary(name="step", gamma=0.98)
        # A setting knows the whole configuration that it was taken from.
        made.dictionary(optim=hyper["cfg_optim"], aug=made.list("random_chunk"), ckpt_path=None)
    return {
        "epoch": 7,
        "global_step": 4000,
        "pytorch-lightning_version": "2.5.5",
        "state_dict": OrderedDict(state),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 8}}}},
        "callbacks": {
            "ModelCheckpoint{'monitor': 'val_sdr'}": {
                "best_model_score": torch.tensor(8.5),
                "best_k_models": {"/out/vocals.ckpt": torch.tensor(8.5)},
                "dirpath": PurePosixPath("/out"),
            },
            "EarlyStopping{'monitor': 'val_sdr'}": {"wait_count": 1, "best_score": 8.5},
        },
        "optimizer_states": [{"state": moments, "param_groups": [{"lr": 1e-3}]}],
        "lr_schedulers": [{"last_epoch": 8, "base_lrs": [1e-3], "_last_lr": [1e-3]}],
        "hparams_name": "kwargs",
        "hyper_parameters": hyper,
    }
