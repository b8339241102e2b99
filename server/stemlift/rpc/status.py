"""Errors as they travel: StemliftError to google.rpc.Status and back.

A google.rpc.ErrorInfo carries the reason, and in its metadata the remedy and the job
(AIP-193).
"""

from __future__ import annotations

from typing import Any

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]

from stemlift.errors import Reason, StemliftError

DOMAIN = "stemlift"
DETAILS_KEY = "grpc-status-details-bin"

# Without an ErrorInfo these come from gRPC itself, not from our server: the
# connection broke or nobody was there. UNKNOWN: see `_is_lost`.
_LOST = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
}


def to_status(error: StemliftError) -> status_pb2.Status:
    """The error as the server sends it."""
    metadata = {"remedy": error.remedy} if error.remedy else {}
    if error.job_id:
        metadata["job_id"] = error.job_id
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    status = status_pb2.Status(
        code=code_pb2.Code.Value(error.grpc_code), message=_encodable(error.message)
    )
    status.details.add().Pack(info)
    return status


def from_status(status: status_pb2.Status) -> StemliftError:
    """The error as it was raised in the server.

    A reason that this version does not know, from a newer server, reads as INTERNAL
    with the reason in the message.
    """
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
            break
    remedy, job = info.metadata.get("remedy", ""), info.metadata.get("job_id") or None
    if info.domain == DOMAIN and info.reason in Reason.__members__:
        return StemliftError(Reason(info.reason), status.message, remedy, job_id=job)
    message = f"{status.message} ({info.reason})" if info.reason else status.message
    return StemliftError(Reason.INTERNAL, message, remedy, job_id=job)


def from_rpc_error(error: grpc.RpcError, *, job_id: str | None = None) -> StemliftError:
    """The failure of a call as the error that the server meant.

    Args:
        error: from a sync or an asyncio call.
        job_id: the job that the call was about, for an error that names none.
    """
    found = _read(error)
    if found.job_id is None:
        found.job_id = job_id
    return found


def is_broken(error: grpc.RpcError) -> bool:
    """Whether a call failed because its server went away, and may be repeated on another.

    A call that took too long may not: the server is there, and busy.
    """
    slow = _code(error) is grpc.StatusCode.DEADLINE_EXCEEDED
    return _read(error).reason is Reason.SERVER_LOST and not slow


def _read(error: grpc.RpcError) -> StemliftError:
    sent = _sent_status(error)
    if sent is not None and sent.details:
        return from_status(sent)
    code, details = _code(error), _details(error)
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return StemliftError(
            Reason.TOKEN_REJECTED,
            "The server does not accept this token.",
            "Use the token from the server's state folder; STEMLIFT_HOME decides which it is.",
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return StemliftError(
            Reason.SERVER_LOST,
            "The server is busy and did not answer in time.",
            "What was asked may still be done: see `stemlift jobs list`.",
        )
    if _is_lost(code, details):
        return StemliftError(
            Reason.SERVER_LOST,
            f"The connection to the server was lost ({details or code.name}).",
            "Try again: the next command starts the server, and its jobs go on.",
        )
    return StemliftError(
        Reason.INTERNAL,
        f"The server failed: {details or code.name}.",
        "See the server's log; `stemlift doctor` says where it lies.",
    )


def _is_lost(code: grpc.StatusCode, details: str) -> bool:
    # gRPC's words for a stream whose connection ended under it.
    return code in _LOST or (
        code is grpc.StatusCode.UNKNOWN and details.startswith("Stream removed")
    )


def _code(error: grpc.RpcError) -> grpc.StatusCode:
    code = error.code() if hasattr(error, "code") else None
    return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN


def _details(error: grpc.RpcError) -> str:
    return (error.details() or "") if hasattr(error, "details") else str(error)


def _sent_status(error: grpc.RpcError) -> status_pb2.Status | None:
    # Tuples in sync calls, a Metadata in asyncio ones; both iterate as pairs.
    trailing: Any = error.trailing_metadata() if hasattr(error, "trailing_metadata") else None
    for key, value in trailing or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return status_pb2.Status.FromString(value)
    return None


def _encodable(text: str) -> str:
    """Text that protobuf takes: a file name that is no UTF-8 would be refused."""
    return text.encode("utf-8", "replace").decode("utf-8")
