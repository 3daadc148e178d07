"""Third-party facts about the providers' calls, and the check that an exchange keeps to them."""

from .check import Contracts

__all__ = ["Contracts"]
