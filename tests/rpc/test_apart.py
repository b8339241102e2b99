"""What a stream leaves behind: nothing of gRPC may wait for the end of the program."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from fake_server import FakeServer

from stemlift import Client
from stemlift.cli.main import main
from stemlift.errors import StemliftError
from stemlift.rpc.apart import BrokenStream, apart


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Whatever holds itself stays, as it may until the interpreter ends."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Call(grpc.RpcError):
    """Raises itself, as gRPC's calls do, so that its traceback names it."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def __iter__(self) -> Iterator[int]:
        yield 1
        self.over.wait(20)
        raise self

    def cancel(self) -> None:
        self.over.set()

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "gone"

    def trailing_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("a", "b"),)


def test_an_error_says_all_of_its_call_and_lets_it_go(no_collector: None) -> None:
    call = Call()
    alive = weakref.ref(call)
    replies = apart(call, lambda: None)
    assert next(replies) == 1
    call.over.set()
    del call
    with pytest.raises(BrokenStream) as broken:
        next(replies)
    del replies
    assert alive() is None
    assert broken.value.code() is grpc.StatusCode.UNAVAILABLE
    assert broken.value.details() == "gone"
    assert broken.value.trailing_metadata() == (("a", "b"),)


def test_leaving_lets_the_call_go(no_collector: None) -> None:
    call = Call()
    alive = weakref.ref(call)
    with contextlib.closing(apart(call, lambda: None)) as replies:
        assert next(replies) == 1
        del call
    assert alive() is None


def calls_alive() -> list[object]:
    return [thing for thing in gc.get_objects() if issubclass(type(thing), grpc.Call)]


@pytest.mark.parametrize("song", ["song.wav", "full.wav", "leaves.wav", "dies.wav"])
def test_no_call_outlives_a_job(server: FakeServer, song: str, no_collector: None) -> None:
    kept: list[StemliftError] = []
    with Client() as client:
        job = client.separate(song)
        try:
            job.result()
        except StemliftError as error:
            # With all that its traceback names.
            kept.append(error)
        assert not calls_alive()
    assert bool(kept) is (song != "song.wav")


def test_no_call_outlives_a_job_that_took_too_long(server: FakeServer, no_collector: None) -> None:
    with Client() as client:
        job = client.separate("slow.wav")
        with pytest.raises(TimeoutError) as late:
            job.result(timeout=0.2)
        assert not calls_alive()
        job.cancel()
    assert job.id in str(late.value)


@pytest.mark.parametrize("song", ["song.wav", "full.wav", "leaves.wav"])
def test_the_command_leaves_no_call_behind(
    server: FakeServer, song: str, tmp_path: Path, no_collector: None
) -> None:
    main(["separate", "--json", str(tmp_path / song)])
    assert not calls_alive()


def test_an_ending_program_waits_for_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call()
    replies = apart(call, lambda: None)
    assert next(replies) == 1
    with monkeypatch.context() as ending:
        ending.setattr(sys, "is_finalizing", lambda: True)
        replies.close()
    # The reader is stopped by then, perhaps with the call's lock taken.
    assert not call.over.is_set()
    call.cancel()
