"""Scenes: pictures composed from cut objects over backgrounds, with exact visible boxes."""
