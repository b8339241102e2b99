"""The device that a separation takes, the threads of the CPU, and the words for both."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest
import torch

from stemlift.errors import Reason, StemliftError
from stemlift.separation.devices import choose_device, make_repeatable


@pytest.fixture(autouse=True)
def own_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("cores", [1, 6, 64, None])
def test_the_machine_alone_settles_the_threads(
    monkeypatch: pytest.MonkeyPatch, cores: int | None
) -> None:
    monkeypatch.delenv("STEMLIFT_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 5 if logical else cores)
    make_repeatable()
    assert torch.get_num_threads() == {1: 1, 6: 6, 64: 16, None: 5}[cores]


@pytest.mark.parametrize(("asked", "words"), [("1", "with 1 thread."), ("2", "with 2 threads.")])
def test_the_variable_settles_the_threads_and_the_reason_tells(
    monkeypatch: pytest.MonkeyPatch, asked: str, words: str
) -> None:
    monkeypatch.setenv("STEMLIFT_THREADS", asked)
    make_repeatable()
    choice = choose_device("cpu")
    assert choice.name == "cpu"
    assert choice.reason == f"The CPU was asked for, {words}"


@pytest.mark.parametrize("asked", ["0", "-1", "many", "²", "100000"])
def test_no_number_of_threads(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("STEMLIFT_THREADS", asked)
    with pytest.raises(StemliftError) as caught:
        make_repeatable()
    assert caught.value.reason is Reason.ARGUMENT_INVALID


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Two CUDA cards by name, with their free memory; torch has kernels for those above 0."""
    cards = {"Old": 0, "New": 8}
    real = torch.ones

    def ones(count: int, device: str) -> torch.Tensor:
        if not list(cards.values())[int(device.split(":")[1])]:
            raise RuntimeError("no kernel image is available for execution\nmore lines")
        return real(count)

    monkeypatch.setattr(torch, "ones", ones)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(cards))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: list(cards)[index])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (list(cards.values())[index], 0))
    return cards


def test_auto_passes_over_a_card_that_this_torch_cannot_use(cards: dict[str, int]) -> None:
    assert choose_device("auto").name == "cuda:1"
    cards["Third"] = 9
    assert choose_device("auto").name == "cuda:2"
    cards["Third"] = 8
    assert choose_device("auto").name == "cuda:1"


def test_auto_falls_back_to_the_cpu_and_says_why(cards: dict[str, int]) -> None:
    cards["New"] = 0
    choice = choose_device("auto")
    assert choice.name == "cpu"
    assert "Old (no kernel image is available for execution)" in choice.reason


def test_auto_takes_cards_of_one_name_together(
    cards: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cards["Third"], cards["Fourth"], cards["Fifth"] = 9, 4, 0
    assert choose_device("auto").alike == ()
    names = ["Old", "Old", "New", "New", "New"]
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: names[index])
    choice = choose_device("auto")
    # The last one is of the same name, but cannot compute.
    assert (choice.name, choice.alike) == ("cuda:2", ("cuda:3",))
    assert choice.reason == (
        "New is the CUDA device with most free memory, and shares the work with cuda:3 of the "
        "same name."
    )
    assert choose_device("cuda:2").alike == ()
