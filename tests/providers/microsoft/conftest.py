"""Every exchange of the portal with the provider is held against the contracts, both ways."""

from tests.providers.wire import instead, wire

__all__ = ["instead", "wire"]
