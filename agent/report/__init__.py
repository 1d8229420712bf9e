"""A job's results as one HTML file: `write_report(results, target)`."""

from .writing import write_report

__all__ = ["write_report"]
