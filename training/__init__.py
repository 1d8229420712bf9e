"""Data building, rewards, supervised and reinforcement finetuning, benchmarks and metrics."""
