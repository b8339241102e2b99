"""The command line: one file per command group.

Every file imports at its top only what its help needs; gRPC, Rich and the rest come
in when a command runs.
"""
