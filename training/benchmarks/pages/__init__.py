"""Templates of the reports; package data."""
