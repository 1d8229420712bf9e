"""The families' ways of writing, one file each, and the table that finds one by name."""
