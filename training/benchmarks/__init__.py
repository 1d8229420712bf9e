"""Benchmarks of multi-image grounding: loaders, metrics, a resumable runner, reports, comparison.

One file a benchmark (`mig_bench.py`, `mc_bench.py`, ...), one file a metric (`metrics/`).
`registry.py` names them all; `runner.py` asks, `report.py` tells, `compare.py` sets two runs side
by side, `deciding.py` measures what choosing between think and direct is worth.
"""
