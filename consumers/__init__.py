"""The processes that take deliveries from a transport and hand them to providers."""
