"""How a client's connection to the server is set up."""

from __future__ import annotations

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    # A proxy from the environment would be asked even for 127.0.0.1.
    ("grpc.enable_http_proxy", 0),
    # A new channel tries at once, whatever delay an older one to the same address is in.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # No keepalive: on one machine the system closes the connection of a dead server,
    # and pings on a quiet watch would make gRPC servers hang up.
)

# For calls that answer once.
CALL_SECONDS = 60.0
# Creating a job reads its file, perhaps on a slow disk.
CREATE_SECONDS = 600.0
