"""One pass over a stream for several readers that advance together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from stemlift.separation.mix import Audio


def share_channels(
    blocks: Iterable[Audio], picks: Sequence[tuple[int, ...]]
) -> tuple[Iterator[Audio], ...]:
    """For each pick its channels of the (frames, channels) blocks, from a single reading.

    What one reader has taken and another has not is held, so that memory stays small only
    where they keep in step.
    """
    source = iter(blocks)
    queues: list[deque[Audio]] = [deque() for _ in picks]

    def stream(own: deque[Audio]) -> Iterator[Audio]:
        while True:
            if not own:
                block = next(source, None)
                if block is None:
                    return
                for queue, channels in zip(queues, picks, strict=True):
                    queue.append(block[:, list(channels)])
                del block
            yield own.popleft()

    return tuple(stream(queue) for queue in queues)
