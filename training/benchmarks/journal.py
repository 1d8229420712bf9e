"""A run's records on disk: the journal that batches use too, under the name it has here."""

from ...agent.journal import Journal, read_journal

__all__ = ["Journal", "read_journal"]
