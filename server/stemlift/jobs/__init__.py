"""Jobs, their store, their queue and the service that runs them."""
