"""Every exchange of the portal with the provider is held against the contracts, both ways."""

from tests.providers.wire import wire

__all__ = ["wire"]
