"""Hybrid rule-rewarded reinforcement finetuning (GeM-VG, stage 3) on TRL's GRPO."""
