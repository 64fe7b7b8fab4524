"""Energy: sums that can be checked by hand, with the published figures of LTE."""

from __future__ import annotations

import pytest

from imsim.scenario.network import Energy
from imsim.sim.energy import EnergyMeter

LTE = Energy()
PROMOTION = 0.26 * 1.2107
TAIL = 11.576 * 1.06
UNIT = Energy(
    promotion_s=1.0, promotion_mw=1000, tail_s=10.0, tail_mw=1000, base_mw=3000, up_mw_per_mbps=0, down_mw_per_mbps=0
)


def test_a_radio_that_was_never_used_draws_nothing():
    meter = EnergyMeter(LTE)

    assert meter.joules(1e6) == 0
    assert meter.wakes == 0


def test_one_transfer_costs_a_promotion_a_tail_and_its_bytes():
    meter = EnergyMeter(LTE)
    meter.transfer(100.0, 0.5, up=125_000, down=250_000)

    assert meter.joules(1000.0) == pytest.approx(PROMOTION + TAIL + 0.5 * 1.28804 + 0.43839 + 2 * 0.05197)
    assert meter.wakes == 1


@pytest.mark.parametrize(
    ("pause", "wakes", "joules"), [(4, 1, 1 + 3 + 4 + 3 + 10), (10, 2, 2 * (1 + 3 + 10)), (99, 2, 28)]
)
def test_a_second_transfer_in_the_tail_only_stretches_it(pause, wakes, joules):
    meter = EnergyMeter(UNIT)
    meter.transfer(0.0, 1.0)
    meter.transfer(1.0 + pause, 1.0)

    assert (meter.wakes, meter.joules(1e4)) == (wakes, pytest.approx(joules))


def test_transfers_at_the_same_time_share_the_base_power():
    meter = EnergyMeter(UNIT)
    meter.transfer(0.0, 4.0)
    meter.transfer(1.0, 2.0)
    meter.transfer(3.0, 2.0)

    assert meter.joules(1e4) == pytest.approx(1 + 5 * 3 + 10)


def test_the_tail_is_drawn_as_time_goes_by():
    meter = EnergyMeter(UNIT)
    meter.transfer(0.0, 1.0)

    assert [meter.joules(at) for at in (1.0, 3.0, 11.0, 20.0)] == pytest.approx([4, 6, 14, 14])
