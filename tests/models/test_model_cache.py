import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from torch import nn

from stemlift.errors import Reason, StemliftError
from stemlift.models.cache import ModelCache, available_memory
from stemlift.models.catalogue import load_catalogue
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import ModelSpec

CATALOGUE = load_catalogue()
A, B, C = (CATALOGUE.get(name) for name in ("htdemucs", "htdemucs_ft", "spectral"))


def ignore(done: int, total: int) -> None:
    pass


def never() -> bool:
    return False


def fake_load(
    spec: ModelSpec,
    *,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> LoadedModel:
    member = Member(nn.Linear(100, 100, bias=False), ("a",), 100, 75, lambda length: length, (1.0,))
    return LoadedModel(spec, (member,))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_model_is_loaded_once_and_shared() -> None:
    cache = ModelCache(fake_load)
    assert cache.get(A, ignore, never) is cache.get(A, ignore, never)
    assert cache.loads == 1
    cache.get(B, ignore, never)
    assert cache.loads == 2
    assert set(cache.loaded_names()) == {"htdemucs", "htdemucs_ft"}


def test_sixteen_threads_at_once_load_once() -> None:
    started, go = threading.Barrier(16), threading.Event()

    def load(spec: ModelSpec, **rest: object) -> LoadedModel:
        go.wait()
        return fake_load(spec, progress=ignore, cancelled=never)

    cache = ModelCache(load)

    def ask(number: int) -> LoadedModel:
        if started.wait() == 0:
            go.set()
        return cache.get(A, ignore, never)

    with ThreadPoolExecutor(16) as pool:
        models = list(pool.map(ask, range(16)))
    assert cache.loads == 1
    assert all(model is models[0] for model in models)


def test_two_models_load_side_by_side() -> None:
    both = threading.Barrier(2, timeout=20)

    def load(spec: ModelSpec, **rest: object) -> LoadedModel:
        both.wait()
        return fake_load(spec, progress=ignore, cancelled=never)

    cache = ModelCache(load)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda spec: cache.get(spec, ignore, never), (A, B)))
    assert cache.loads == 2


def test_who_waits_takes_over_when_the_first_one_fails() -> None:
    inside, waiting = threading.Event(), threading.Event()
    calls: list[str] = []

    def load(spec: ModelSpec, **rest: object) -> LoadedModel:
        calls.append(spec.name)
        if len(calls) == 1:
            inside.set()
            waiting.wait()
            raise StemliftError(Reason.DOWNLOAD_FAILED, "No network.")
        return fake_load(spec, progress=ignore, cancelled=never)

    def polled() -> bool:
        waiting.set()
        return False

    cache = ModelCache(load)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, A, ignore, never)
        inside.wait()
        second = pool.submit(cache.get, A, ignore, polled)
        with pytest.raises(StemliftError, match="No network"):
            first.result()
        assert second.result().spec is A
    assert cache.loads == 1


def test_waiting_can_be_cancelled() -> None:
    inside, go = threading.Event(), threading.Event()

    def load(spec: ModelSpec, **rest: object) -> LoadedModel:
        inside.set()
        go.wait()
        return fake_load(spec, progress=ignore, cancelled=never)

    cache = ModelCache(load)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.get, A, ignore, never)
        inside.wait()
        with pytest.raises(StemliftError) as caught:
            cache.get(A, ignore, lambda: True)
        assert caught.value.reason is Reason.CANCELLED
        go.set()
        first.result()


def test_idle_models_leave() -> None:
    clock = Clock()
    cache = ModelCache(fake_load, clock=clock)
    cache.get(A, ignore, never)
    clock.now = 500.0
    cache.get(B, ignore, never)
    assert cache.unload_idle(now=700.0, older_than=600.0) == ("htdemucs",)
    assert cache.loaded_names() == ("htdemucs_ft",)
    assert cache.unload_idle(now=700.0, older_than=600.0) == ()


def test_a_model_in_use_stays() -> None:
    cache = ModelCache(fake_load, available=lambda: 0)
    with cache.use(A, ignore, never):
        assert cache.unload_idle(now=1e12, older_than=0.0) == ()
        assert cache.forget("htdemucs") == ()
        assert not cache.make_room(1)
        assert cache.loaded_names() == ("htdemucs",)
    assert cache.forget("htdemucs") == ("htdemucs",)


def test_it_stays_until_the_last_user_has_gone() -> None:
    cache = ModelCache(fake_load)
    with cache.use(A, ignore, never):
        with cache.use(A, ignore, never):
            pass
        assert cache.unload_idle(now=1e12, older_than=0.0) == ()
    assert cache.unload_idle(now=1e12, older_than=0.0) == ("htdemucs",)


def test_room_is_made_by_the_longest_unused_first() -> None:
    cache = ModelCache(
        fake_load,
        clock=Clock(),
        available=lambda: 1000 - 300 * len(cache.loaded_names()),
    )
    for spec in (A, B, C, A):
        cache.get(spec, ignore, never)
    assert cache.make_room(100)
    assert cache.loaded_names() == ("htdemucs_ft", "spectral", "htdemucs")
    assert cache.make_room(600)
    assert cache.loaded_names() == ("htdemucs",)
    assert not cache.make_room(2000)
    assert cache.loaded_names() == ()


def test_the_model_that_is_wanted_next_makes_no_room() -> None:
    cache = ModelCache(fake_load, clock=Clock(), available=lambda: 0)
    for _ in range(3):
        assert not cache.make_room(100, keep=[A.name])
        cache.get(A, ignore, never)
    assert cache.loads == 1
    cache.get(B, ignore, never)
    assert not cache.make_room(100, keep=[A.name])
    assert cache.loaded_names() == (A.name,)


def test_the_device_gets_its_memory_back_once_the_model_is_gone() -> None:
    left: list[int] = []
    models: list[weakref.ref[nn.Module]] = []
    cache = ModelCache(
        fake_load, unloaded=lambda: left.append(sum(model() is not None for model in models))
    )
    models.extend(weakref.ref(cache.get(spec, ignore, never).members[0].network) for spec in (A, B))
    cache.forget(B.name)
    cache.forget(B.name)
    assert left == [1]


def test_an_unloaded_model_is_loaded_again() -> None:
    cache = ModelCache(fake_load)
    cache.get(A, ignore, never)
    cache.unload_idle(now=1e12, older_than=0.0)
    cache.get(A, ignore, never)
    assert cache.loads == 2


def test_the_memory_of_this_machine() -> None:
    assert available_memory() > 0


WEIGHT = 4 * 100 * 100
"""Bytes of the one matrix that `fake_load` gives a model."""


def test_models_share_a_limit_and_the_longest_unused_leaves() -> None:
    cache = ModelCache(fake_load, clock=Clock(), limit=2 * WEIGHT)
    for spec in (A, B, A, C):
        cache.get(spec, ignore, never)
    assert cache.loaded_names() == (A.name, C.name)
    assert cache.loads == 3
    cache.get(B, ignore, never)
    assert cache.loaded_names() == (C.name, B.name)
    assert cache.loads == 4


def test_the_limit_takes_nothing_that_is_in_use() -> None:
    cache = ModelCache(fake_load, clock=Clock(), limit=WEIGHT)
    with cache.use(A, ignore, never), cache.use(B, ignore, never):
        assert set(cache.loaded_names()) == {A.name, B.name}
    cache.get(C, ignore, never)
    assert cache.loaded_names() == (C.name,)


def test_an_entry_that_changed_is_loaded_anew() -> None:
    cache = ModelCache(fake_load)
    cache.get(A, ignore, never)
    cache.get(replace(A, overlap=0.5), ignore, never)
    assert cache.loads == 2
    assert cache.forget(A.name) == (A.name, A.name)
    assert cache.loaded_names() == ()


def test_a_model_that_is_being_loaded_cannot_be_withheld() -> None:
    begun, go = threading.Event(), threading.Event()

    def load(spec: ModelSpec, **rest: object) -> LoadedModel:
        begun.set()
        assert go.wait(30)
        return fake_load(spec, progress=ignore, cancelled=never)

    cache = ModelCache(load)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(cache.get, A, ignore, never)
        assert begun.wait(30)
        with cache.withheld(A.name) as free:
            assert not free
        go.set()
        loading.result(30)
    with cache.use(A, ignore, never), cache.withheld(A.name) as free:
        assert not free
    assert cache.loaded_names() == (A.name,)


def test_who_wants_a_withheld_model_waits_for_it() -> None:
    waiting = threading.Event()

    def cancelled() -> bool:
        waiting.set()
        return False

    cache = ModelCache(fake_load)
    cache.get(A, ignore, never)
    with ThreadPoolExecutor(1) as pool:
        with cache.withheld(A.name) as free:
            assert free
            assert cache.loaded_names() == ()
            wanted = pool.submit(cache.get, A, ignore, cancelled)
            assert waiting.wait(30)
            # Others are not held up.
            cache.get(B, ignore, never)
            assert not wanted.done()
        wanted.result(30)
    assert set(cache.loaded_names()) == {A.name, B.name}
