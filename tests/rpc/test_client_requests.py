"""Arguments that a client refuses, and errors on their way through a status."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.requests import build_request
from stemlift.rpc.status import from_status, to_status


@pytest.mark.parametrize(
    ("options", "accepted"),
    [
        ({"remainder": "none"}, "other, separate or off"),
        ({"mask": "soft"}, "binary, ratio or complex"),
        ({"precision": "fp16"}, "auto, fp32 or bf16"),
        ({"format": "mp3"}, "wav or flac"),
        ({"priority": "high"}, "interactive or background"),
        ({"batch": -1}, "at least 0"),
        ({"start": -0.1}, "at least 0"),
        ({"start": float("nan")}, "at least 0"),
        ({"duration": 0.0}, "above 0"),
        ({"duration": float("inf")}, "above 0"),
        ({"start": 1.0, "start_frame": 1}, "either"),
        ({"duration": 1.0, "frames": 1}, "either"),
        ({"frames": 0}, "at least 1"),
        ({"stems": ["vocals", ""]}, "stem names"),
        ({"stems": []}, "stem names"),
        ({"channels": "left"}, "swap"),
        ({"channels": -1}, "at least 0"),
        ({"channels": (0, 1, 2)}, "pair"),
        ({"model": "\udcff"}, "UTF-8"),
        ({"model": None}, "text"),
        ({"stems": [1]}, "text"),
        ({"request_id": 5}, "text"),
        ({"batch": "4"}, "at least 0"),
        ({"start_frame": 1.5}, "at least 0"),
        ({"start": "1"}, "seconds"),
        ({"duration": True}, "seconds"),
        ({"remainder": None}, "other, separate or off"),
    ],
)
def test_wrong_values_name_what_is_accepted(options, accepted: str) -> None:
    with pytest.raises(StemliftError) as caught:
        build_request("a.wav", **options)
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert accepted in caught.value.remedy
    assert next(reversed(options)).split("_")[0] in caught.value.message


@pytest.mark.parametrize("path", [os.fsdecode(b"caf\xe9.wav"), "a\0b.wav"])
def test_a_path_that_is_no_text_is_refused(path: str) -> None:
    with pytest.raises(StemliftError) as caught:
        build_request(path)
    assert caught.value.reason is Reason.PATH_UNSUPPORTED
    caught.value.message.encode()


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        build_request("a.wav", colour="red")  # type: ignore[call-arg]


_text = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.sampled_from(Reason), _text, _text, st.none() | st.text("0123456789abcdef", min_size=1))
def test_errors_survive_the_wire(reason, message, remedy, job) -> None:
    status = to_status(StemliftError(reason, message, remedy, job_id=job))
    back = from_status(type(status).FromString(status.SerializeToString()))
    assert (back.reason, back.message, back.remedy, back.job_id) == (reason, message, remedy, job)


def test_a_reason_from_a_newer_server_stays_visible() -> None:
    status = to_status(StemliftError(Reason.INTERNAL, "Odd.", "Wait."))
    info = status.details[0]
    info.value = info.value.replace(b"INTERNAL", b"NEWTHING")
    back = from_status(status)
    assert back.reason is Reason.INTERNAL
    assert back.message == "Odd. (NEWTHING)"
