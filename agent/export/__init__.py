"""Results in the formats of other programs: `export(records, format, target)`."""

from .exporting import FORMATS, default_target, export

__all__ = ["FORMATS", "default_target", "export"]
