"""Supervised finetuning, stages S1 (short answers) and S2 (reasoned and direct answers mixed)."""
