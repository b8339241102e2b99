"""The server, as a watcher needs it: looked for when there is work, and again when lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stemlift.errors import Exit, StemliftError

if TYPE_CHECKING:
    from stemlift.rpc.client import Client

Connect = Callable[[Callable[[], None]], "Client"]
"""Makes a client that calls what it is given while it waits."""


class Connection:
    """Holds a client for as long as it works. For one thread."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._beat: Callable[[], None] = lambda: None

    @contextmanager
    def use(self, beat: Callable[[], None]) -> Iterator[Client]:
        """A client whose waiting `beat` can end.

        Raises:
            StemliftError: as `Client`, and whatever is raised within; after one that
                concerns the server the next use connects anew.
        """
        self._beat = beat
        try:
            if self._client is None:
                self._client = self._connect(lambda: self._beat())
            yield self._client
        except StemliftError as error:
            if error.exit_code == Exit.SERVER:
                self.close()
            raise
        finally:
            self._beat = lambda: None

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(StemliftError):
                client.close()
