"""`stemlift serve` as a service of the user's session, which starts with it."""

from stemlift.watch.service.install import (
    ServiceState,
    install_service,
    remove_service,
    service_state,
)

__all__ = ["ServiceState", "install_service", "remove_service", "service_state"]
