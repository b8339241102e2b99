"""The token on every call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.abort import Context, abort

if TYPE_CHECKING:
    # Generic for the type checker only.
    Handler = grpc.RpcMethodHandler[Any, Any]

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Turns away every call that does not carry the server's token."""

    def __init__(self, accepts: Callable[[str], bool]) -> None:
        self._accepts = accepts
        error = StemliftError(
            Reason.TOKEN_REJECTED,
            "The server does not accept this token.",
            "Use the token from the server's state folder; STEMLIFT_HOME decides which it is.",
        )

        async def refuse(_request: Any, context: Context) -> None:
            await abort(context, error)

        self._refuse: Handler = grpc.unary_unary_rpc_method_handler(refuse)

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails],
            Awaitable[grpc.RpcMethodHandler[_Request, _Response] | None],
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[_Request, _Response] | None:
        for key, value in handler_call_details.invocation_metadata or ():
            if key == "authorization" and isinstance(value, str):
                kind, _, token = value.partition(" ")
                if kind.lower() == "bearer" and self._accepts(token):
                    return await continuation(handler_call_details)
        return self._refuse
