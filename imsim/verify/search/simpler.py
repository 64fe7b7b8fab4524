"""A scenario whose network hides nothing: every frame takes the same time, and none is lost but on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.scenario.network import NetworkProfile
from imsim.scenario.values import Delay

if TYPE_CHECKING:
    from imsim.scenario import Scenario

__all__ = ["with_a_dull_network"]


def with_a_dull_network(scenario: Scenario) -> Scenario:
    """The scenario with links of the same kinds, and nothing but a constant latency on them."""
    profiles = {name: _dull(profile) for name, profile in scenario.network.profiles.items()}
    return msgspec.structs.replace(scenario, network=msgspec.structs.replace(scenario.network, profiles=profiles))


def _dull(profile: NetworkProfile) -> NetworkProfile:
    return NetworkProfile(kind=profile.kind, latency=Delay(mean=profile.latency.offset + profile.latency.mean))
