import subprocess
import sys
from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.models.child import run_child

CHILD = """
import sys
from stemlift.errors import Reason, StemliftError
from stemlift.models.child import serve_child

def main(request, report):
    if request["do"] == "count":
        print("a library says hello")
        for done in range(1, 4):
            report(done, 3)
        return {"doubled": request["number"] * 2}
    if request["do"] == "fail":
        raise StemliftError(Reason.FILE_CORRUPT, "It is “broken”.", "Mend it.")
    if request["do"] == "crash":
        raise KeyError("a fault of ours")
    if request["do"] == "swell":
        raise MemoryError
    if request["do"] == "vanish":
        import os
        os._exit(3)
    sys.stderr.flush()
    report(0, 1)
    import threading
    threading.Event().wait()

serve_child(main)
"""


def never() -> bool:
    return False


def ignore(done: int, total: int) -> None:
    pass


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "busy.py").write_text(CHILD, encoding="utf-8")
    return {"PYTHONPATH": str(tmp_path)}


def test_a_request_goes_in_and_news_comes_out(env: dict[str, str]) -> None:
    seen: list[tuple[int, int]] = []
    request = {"do": "count", "number": 21}
    answer = run_child("busy", request, lambda *news: seen.append(news), never, env)
    assert answer == {"doubled": 42}
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_error_arrives_in_its_own_words(env: dict[str, str]) -> None:
    with pytest.raises(StemliftError) as caught:
        run_child("busy", {"do": "fail"}, ignore, never, env)
    assert caught.value.reason is Reason.FILE_CORRUPT
    assert str(caught.value) == "It is “broken”. Mend it."


def test_want_of_memory_is_no_fault(env: dict[str, str]) -> None:
    with pytest.raises(StemliftError) as caught:
        run_child("busy", {"do": "swell"}, ignore, never, env)
    assert caught.value.reason is Reason.OUT_OF_MEMORY


@pytest.mark.parametrize(("do", "words"), [("crash", "a fault of ours"), ("vanish", "was ended")])
def test_a_process_without_a_last_word_is_a_fault(env: dict[str, str], do: str, words: str) -> None:
    with pytest.raises(StemliftError) as caught:
        run_child("busy", {"do": do}, ignore, never, env, what="counting")
    assert caught.value.reason is Reason.INTERNAL
    assert caught.value.message.startswith("The counting broke off")
    assert words in caught.value.message


def test_a_cancel_ends_a_process_that_is_stuck(env: dict[str, str]) -> None:
    seen: list[int] = []
    with pytest.raises(StemliftError) as caught:
        run_child("busy", {"do": "hang"}, lambda *news: seen.append(1), lambda: bool(seen), env)
    assert caught.value.reason is Reason.CANCELLED


def test_the_process_ends_with_the_one_that_started_it(env: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "busy"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env
    )
    # Sends the line and closes stdin, as the end of the parent does.
    process.communicate(b'{"do": "hang"}\n', timeout=60)
    assert process.returncode == 1
