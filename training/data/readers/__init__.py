"""Readers: one file per annotation format, each yielding `Record`s and counting what it skips."""
