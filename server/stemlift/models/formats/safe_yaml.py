"""The YAML or JSON that lies beside a checkpoint, read as plain values and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from stemlift.models.formats.content import require_file
from stemlift.models.formats.nesting import require_shallow
from stemlift.models.formats.tensors import InvalidCheckpointError

_LONGEST_FILE = 256 * 1024
_MOST_NODES = 20_000
_DEEPEST = 32
_LONGEST_NUMBER = 64


def read_yaml(path: Path) -> dict[str, Any]:
    """The content of `path`; tuples come as lists.

    YAML's own values are taken, and `!!python/tuple`, which such files hold; other tags,
    of Python objects above all, are refused and nothing of them is run.

    Raises:
        InvalidCheckpointError: it is no YAML, no table, asks for objects, or is larger,
            deeper or, its aliases written out, longer than any configuration.
        FileNotFoundError: there is no such file.
    """
    require_file(path)
    with path.open("rb") as file:
        text = file.read(_LONGEST_FILE + 1)
    if len(text) > _LONGEST_FILE:
        raise InvalidCheckpointError(f"it is longer than {_LONGEST_FILE} bytes")
    try:
        require_shallow(text)
        content = _load(text)
    except yaml.constructor.ConstructorError as error:
        raise InvalidCheckpointError(f"it asks for more than plain values ({error.problem})") from (
            error
        )
    # Beside YAMLError: ValueError for dates and digits that are none, RecursionError for depth.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidCheckpointError(f"it is no YAML ({first})") from error
    if not isinstance(content, dict):
        raise InvalidCheckpointError("it is no table of sections")
    return content


def _load(text: bytes) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        # Before values are made, since merge keys write aliases out.
        _measure(node, 0, 0)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _measure(node: yaml.Node, count: int, depth: int) -> int:
    """`count` and the nodes in `node`, each alias counted with all that it stands for."""
    count += 1
    if count > _MOST_NODES or depth > _DEEPEST:
        raise InvalidCheckpointError("its aliases or its depth make it far too large")
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            count = _measure(item, count, depth + 1)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            count = _measure(key, count, depth + 1)
            count = _measure(value, count, depth + 1)
    return count


class _Loader(yaml.SafeLoader):
    """Knows one tag more than YAML's own, and no endless numbers."""

    def sensible_int(self, node: yaml.ScalarNode) -> int:
        # Even a message about one of a million digits fails.
        if len(node.value) > _LONGEST_NUMBER:
            raise ValueError("a number of far too many digits")
        return self.construct_yaml_int(node)

    def tuple_as_list(self, node: yaml.Node) -> list[Any]:
        if not isinstance(node, yaml.SequenceNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a tuple that is no sequence", node.start_mark
            )
        return self.construct_sequence(node)


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _Loader.tuple_as_list)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.sensible_int)
