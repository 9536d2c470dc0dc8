"""The desk on the network: ASGI."""
