"""Hypothesis profiles for tests of messaging: `settings.load_profile("imsim-ci")` after importing this module.

    imsim-dev        100 examples, found ones remembered: what runs while somebody works
    imsim-ci         the same examples each time, none remembered; a failure prints how to see it again
    imsim-campaign   10,000 examples a test, for a night

None has a deadline: a shared machine is slow at times, and a test would then fail for nothing.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

__all__ = ["CAMPAIGN", "CI", "DEV"]

DEV = settings(deadline=None)
CI = settings(deadline=None, derandomize=True, database=None, print_blob=True)
CAMPAIGN = settings(deadline=None, max_examples=10_000, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("imsim-dev", DEV)
settings.register_profile("imsim-ci", CI)
settings.register_profile("imsim-campaign", CAMPAIGN)
