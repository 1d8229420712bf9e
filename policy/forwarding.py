"""What policies that wrap another one have in common: everything but `complete` is the other's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from .policy import Completion, Policy, Request

if TYPE_CHECKING:
    from .dialect import Dialect


class ForwardingPolicy(ABC):
    """Answers as another policy for all that it has but `complete`, which a subclass writes.

    Args:
        inner: the policy that does the work; what it offers beyond `Policy` is reached through
            this one too.
    """

    def __init__(self, inner: Policy) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        """See `Policy.name`."""
        return self.inner.name

    @property
    def backend(self) -> str:
        """See `Policy.backend`."""
        return self.inner.backend

    @property
    def dialect(self) -> Dialect:
        """See `Policy.dialect`."""
        return self.inner.dialect

    @abstractmethod
    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`."""

    async def aclose(self) -> None:
        """See `Policy.aclose`."""
        await self.inner.aclose()

    def __getattr__(self, name: str) -> Any:
        # A copy under way has no `inner` yet; without this it would look for it for ever.
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)
