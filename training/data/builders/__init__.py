"""Builders: one file per task; each draws pictures from a pool and asks one question of them."""
