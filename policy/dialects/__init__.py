"""The families' ways of writing, one file each, and the table that finds one by name."""

from .registry import CONFIG_KEY, DIALECT_NAMES, dialect_for_model, get_dialect

__all__ = ["CONFIG_KEY", "DIALECT_NAMES", "dialect_for_model", "get_dialect"]
