"""Batch jobs: any number of questions, each answered and written exactly once."""
