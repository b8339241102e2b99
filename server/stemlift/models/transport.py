"""Asking a web address for a file, with the HTTP library that the hub's library brings.

That is requests, httpx or httpx2 by its version; what differs between them is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

_BLOCK = 64 * 1024
_MOST_REDIRECTS = 10
_REDIRECTS = {301, 302, 303, 307, 308}
_SCHEMES = {"http", "https"}
_TRANSPORTS = {"requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2"}


class RefusedError(Exception):
    """The address answered with an error.

    status: of HTTP.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class AddressError(Exception):
    """The address is none that may be asked, or leads to one; the message is a clause."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address gives.

    start: position in the file of the first byte that comes.
    size: of the whole file in bytes; None where it is not told.
    mark: changes with the content, for `If-Range`; None where there is none to rely on.
    blocks: the content from `start`.
    """

    start: int
    size: int | None
    mark: str | None
    blocks: Iterator[bytes]


@contextmanager
def ask(address: str, timeout: float, start: int = 0, mark: str | None = None) -> Iterator[Answer]:
    """Ask for the file from byte `start` on; the answer may begin at 0 all the same.

    Args:
        timeout: seconds without a byte.
        mark: get the rest only if the file still has this mark, else all of it.

    Raises:
        RefusedError, AddressError: see there.
        Exception: of the HTTP library; see `from_transport`.
    """
    headers = {
        # A compressed answer tells no size, and none of its parts can be asked for.
        "Accept-Encoding": "identity",
        "User-Agent": "stemlift",
    }
    if start:
        headers["Range"] = f"bytes={start}-"
        if mark is not None:
            headers["If-Range"] = mark
    if urlsplit(address).scheme.lower() not in _SCHEMES:
        raise AddressError(f"{address} is no web address")
    for _ in range(_MOST_REDIRECTS):
        with _send(address, headers, timeout) as (status, found, blocks):
            if status in _REDIRECTS and "location" in found:
                address = follow(address, found["location"])
                continue
            if status not in (200, 206):
                raise RefusedError(status)
            yield _answer(status, found, blocks)
            return
    raise AddressError(f"{address} leads from one address to the next without end")


@contextmanager
def _send(
    address: str, headers: dict[str, str], timeout: float
) -> Iterator[tuple[int, Mapping[str, str], Iterator[bytes]]]:
    from huggingface_hub import get_session

    session: Any = get_session()
    if hasattr(session, "build_request"):
        with session.stream(
            "GET", address, headers=headers, timeout=timeout, follow_redirects=False
        ) as response:
            yield response.status_code, response.headers, response.iter_bytes()
    else:
        with session.get(
            address,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
            # Else requests sends the password that ~/.netrc has for the host.
            auth=lambda prepared: prepared,
        ) as response:
            yield response.status_code, response.headers, response.iter_content(_BLOCK)


def follow(address: str, location: str) -> str:
    """Where `address` leads with the header `Location: location`.

    Raises:
        AddressError: to no web address, or from https to http.
    """
    following = urljoin(address, location)
    before, after = urlsplit(address).scheme.lower(), urlsplit(following).scheme.lower()
    if after not in _SCHEMES:
        raise AddressError(f"{address} leads to {following}, which is no web address")
    if before == "https" and after == "http":
        raise AddressError(f"{address} leads to {following}, which anyone on the way can change")
    return following


def _answer(status: int, headers: Mapping[str, str], blocks: Iterator[bytes]) -> Answer:
    encoded = headers.get("content-encoding", "identity") != "identity"
    length = headers.get("content-length", "")
    size = int(length) if length.isdecimal() and not encoded else None
    start = 0
    if status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("content-range", ""))
        if span is None:
            raise RefusedError(416)
        start = int(span[1])
        size = None if span[2] == "*" else int(span[2])
    return Answer(start, size, None if encoded else _mark(headers), blocks)


def _mark(headers: Mapping[str, str]) -> str | None:
    """A strong validator by RFC 9110, 8.8; a weak ETag does not vouch for every byte."""
    etag = headers.get("etag", "")
    return etag if etag.startswith('"') else headers.get("last-modified")


def from_transport(error: BaseException) -> bool:
    """Whether `error` is of an HTTP library: the network's, not ours."""
    return any(kind.__module__.partition(".")[0] in _TRANSPORTS for kind in type(error).__mro__)
