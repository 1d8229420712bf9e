"""Metrics over arrays and plain values; none of them knows a benchmark."""
