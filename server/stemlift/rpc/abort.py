"""Ending a call with one of our errors."""

from __future__ import annotations

from typing import Any

import grpc

from stemlift.errors import StemliftError
from stemlift.rpc.status import DETAILS_KEY, to_status

Context = grpc.aio.ServicerContext[Any, Any]


async def abort(context: Context, error: StemliftError) -> None:
    """End the call with the error; raises grpc.aio.AbortError."""
    status = to_status(error)
    context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
    await context.abort(grpc.StatusCode[error.grpc_code], status.message)
