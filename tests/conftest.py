"""One setting for all property tests: machines differ in speed, so no example has a deadline."""

from hypothesis import settings

settings.register_profile("gemvg", deadline=None)
settings.load_profile("gemvg")
