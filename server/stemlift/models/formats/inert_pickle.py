"""Pickles read as data: what a file asks for is written down, and never looked up or called.

A pickle is a program for a small stack machine. This one knows every instruction that
`torch.save` has ever written, and runs them with placeholders: a class or function becomes
its name (`Named`), a tensor a note of where its numbers lie (`TensorClaim`), an object of
any other kind the name of what would have made it (`Made`). Only plain values, containers
and fractions come to be.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from stemlift.models.formats.tensors import InvalidCheckpointError

LARGEST_PICKLE = 16 * 1024 * 1024
"""Bytes. The pickle of a model of a thousand tensors has 0.2 MB; its numbers lie elsewhere."""

_MOST_INSTRUCTIONS = 1_000_000
_LARGEST_TERM = 2**20
_MOST_DIMENSIONS = 64
_FRACTION = re.compile(r"^(-?\d{1,7})(?:/(\d{1,7}))?$")
_REBUILT = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
_PARAMETER = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_UNDERSTOOD = (
    *(*_REBUILT, *_PARAMETER, "fractions.Fraction"),
    *("collections.OrderedDict", "collections.Counter"),
)
_STORAGE = re.compile(r"^torch\.(storage\.)?(cuda\.)?\w*Storage$")


class Stream(Protocol):
    """What `pickletools` needs of a file."""

    def read(self, count: int, /) -> bytes: ...
    def readline(self) -> bytes: ...
    def tell(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Named:
    """A class or function, by its dotted name alone."""

    name: str


@dataclass(slots=True, eq=False)
class Made:
    """What a call of something unknown would have given.

    state: what it would have been given afterwards; it may refer back to this.
    """

    name: str
    state: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StorageClaim:
    """kind: such as "torch.HalfStorage"; count: of numbers, as the pickle has it."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class TensorClaim:
    """A tensor as the pickle has it, unchecked; offset and strides in numbers."""

    storage: StorageClaim
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pickled:
    """strangers: names that it asks for and that are neither tensors nor plain values.

    storages: every one that it refers to, by key.
    """

    content: Any
    strangers: tuple[str, ...]
    storages: Mapping[str, StorageClaim]


def read_pickle(stream: Stream) -> Pickled:
    """Read one pickle, up to its end and no further.

    Raises:
        InvalidCheckpointError: it is damaged, far too long, or no pickle.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):  # type: ignore[arg-type]
            if count > _MOST_INSTRUCTIONS:
                raise InvalidCheckpointError("its pickle is far too long")
            machine.run(opcode.name, argument)
        strangers = tuple(dict.fromkeys(machine.strangers))
        return Pickled(machine.result, strangers, machine.storages)
    # The instructions of a damaged pickle can meet a stack that does not suit them.
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise InvalidCheckpointError(f"its pickle is damaged ({_short(error)})") from error


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]


class _Machine:
    """The stack, the marks in it and the memo of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.strangers: list[str] = []
        self.storages: dict[str, StorageClaim] = {}
        self.result: Any = None

    def run(self, name: str, argument: Any) -> None:
        if name in _PUSHED:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _INSTRUCTIONS:
            _INSTRUCTIONS[name](self, argument)
        else:
            raise InvalidCheckpointError(f"its pickle has the instruction {name}, which none needs")

    def since_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def named(self, name: str) -> Named:
        # Protocol 2 has the names of Python 2.
        name = re.sub(r"^__builtin__\.", "builtins.", name)
        if name not in _UNDERSTOOD and not _STORAGE.match(name):
            self.strangers.append(name)
        return Named(name)


def _nothing(machine: _Machine, _: Any) -> None:
    """Versions and frames do not change what the rest means."""


def _mark(machine: _Machine, _: Any) -> None:
    machine.marks.append(machine.stack)
    machine.stack = []


def _stop(machine: _Machine, _: Any) -> None:
    machine.result = machine.stack.pop()


def _pop(machine: _Machine, _: Any) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.since_mark()


def _put(machine: _Machine, index: Any) -> None:
    machine.memo[len(machine.memo) if index is None else int(index)] = machine.stack[-1]


def _get(machine: _Machine, index: Any) -> None:
    machine.stack.append(machine.memo[int(index)])


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    def make(machine: _Machine, _: Any) -> None:
        items = [machine.stack.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(items)))

    return make


def _marked_tuple(machine: _Machine, _: Any) -> None:
    items = machine.since_mark()
    machine.stack.append(tuple(items))


def _marked_list(machine: _Machine, _: Any) -> None:
    items = machine.since_mark()
    machine.stack.append(items)


def _marked_dict(machine: _Machine, _: Any) -> None:
    items = machine.since_mark()
    machine.stack.append({})
    _set_all(machine.stack[-1], items)


def _append(machine: _Machine, _: Any) -> None:
    _extend(machine.stack[-2], [machine.stack.pop()])


def _appends(machine: _Machine, _: Any) -> None:
    items = machine.since_mark()
    _extend(machine.stack[-1], items)


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Made):
        raise TypeError("it appends to what is no list")


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set_all(machine.stack[-1], [key, value])


def _set_items(machine: _Machine, _: Any) -> None:
    items = machine.since_mark()
    _set_all(machine.stack[-1], items)


def _set_all(target: Any, items: list[Any]) -> None:
    if isinstance(target, Made):
        return
    if not isinstance(target, dict):
        raise TypeError("it sets an item of what is no dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # Tuples nested deeply enough overflow the stack of their own hash.
        if not isinstance(key, str | bytes | int | float | Named | None):
            raise TypeError("a key is no plain value")
        target[key] = value


def _global(machine: _Machine, argument: str) -> None:
    machine.stack.append(machine.named(argument.replace(" ", ".", 1)))


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise TypeError("a name is no text")
    machine.stack.append(machine.named(f"{module}.{name}"))


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(_made(function, arguments))


def _reduce_with_keywords(machine: _Machine, _: Any) -> None:
    machine.stack.pop()
    _reduce(machine, _)


def _object(machine: _Machine, _: Any) -> None:
    items = machine.since_mark()
    machine.stack.append(_made(items[0], tuple(items[1:])))


def _instance(machine: _Machine, argument: str) -> None:
    items = machine.since_mark()
    machine.stack.append(_made(machine.named(argument.replace(" ", ".", 1)), tuple(items)))


def _build(machine: _Machine, _: Any) -> None:
    """The attributes of an object: written down for those that are not made here."""
    state = machine.stack.pop()
    if isinstance(machine.stack[-1], Made):
        machine.stack[-1].state = state


def _persistent(machine: _Machine, _: Any) -> None:
    """What `torch.save` keeps outside the pickle: storages, and classes with their source."""
    match machine.stack.pop():
        case ("storage", Named(kind), str(key), _, int(count), *view) if view in ([], [None]):
            machine.storages[key] = StorageClaim(kind, key, count)
            machine.stack.append(machine.storages[key])
        case ("module", Named() as named, *_):
            machine.stack.append(named)
        case _:
            raise TypeError("it refers to something that is no storage")


def _made(function: Any, arguments: Any) -> Any:
    if not isinstance(function, Named | Made):
        raise TypeError("it calls what is no function")
    match function.name, arguments:
        case ("fractions.Fraction", _):
            return _fraction(arguments)
        case ("collections.OrderedDict", ()):
            return {}
        case ("collections.Counter", (dict(counts),)):
            return counts
        case ("collections.Counter", _):
            raise TypeError("it counts what is no dictionary")
        case ("collections.OrderedDict", (list(pairs),)):
            target: dict[Any, Any] = {}
            for key, value in pairs:
                _set_all(target, [key, value])
            return target
        case (name, (StorageClaim() as storage, int(offset), tuple(shape), tuple(strides), *_)) if (
            name in _REBUILT
        ):
            _require_shape(offset, shape, strides)
            return TensorClaim(storage, offset, shape, strides)
        case (name, (TensorClaim() as tensor, *_)) if name in _PARAMETER:
            return tensor
    return Made(function.name)


def _require_shape(offset: int, shape: tuple[Any, ...], strides: tuple[Any, ...]) -> None:
    """Numbers of millions of digits can be written in a pickle; to multiply them takes hours."""
    if len(shape) != len(strides) or len(shape) > _MOST_DIMENSIONS:
        raise TypeError("the shape of a tensor is no shape")
    for number in (offset, *shape, *strides):
        if type(number) is not int or abs(number) >= 2**63:
            raise TypeError("the shape of a tensor is no shape")


def _fraction(arguments: Any) -> Fraction:
    match arguments:
        case (str(text),) if found := _FRACTION.match(text):
            top, bottom = int(found[1]), int(found[2] or 1)
        case (int(top), int(bottom)):
            pass
        case _:
            raise TypeError("a fraction is no fraction")
    if not (abs(top) <= _LARGEST_TERM and 0 < bottom <= _LARGEST_TERM):
        raise ValueError("a fraction is of no sensible size")
    return Fraction(top, bottom)


_PUSHED = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_SET": list,
    "EMPTY_DICT": dict,
}
_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), _nothing),
    "STOP": _stop,
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": lambda machine, _: machine.since_mark().clear(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "TUPLE": _marked_tuple,
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    **dict.fromkeys(("LIST", "FROZENSET"), _marked_list),
    "DICT": _marked_dict,
    "APPEND": _append,
    **dict.fromkeys(("APPENDS", "ADDITEMS"), _appends),
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _reduce),
    "NEWOBJ_EX": _reduce_with_keywords,
    "OBJ": _object,
    "INST": _instance,
    "BUILD": _build,
    "BINPERSID": _persistent,
}
