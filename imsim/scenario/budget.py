"""What a run may cost: bounds that its owner states, and the judge holds it to.

What things cost hangs on people, networks and strategies, so nothing is bound unless a model says so.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from imsim.scenario.values import Section

__all__ = ["Budget"]

AMessage = Annotated[float, Meta(ge=0, le=1e6, extra={"unit": "a message"})]


class Budget(Section, frozen=True, kw_only=True):
    """What a run may cost at most; it is violated if it costs more."""

    retries: Annotated[AMessage | None, Meta(description="Repeated sends and pushes, for each message; none: any.")] = (
        None
    )
    duplicates: Annotated[
        AMessage | None, Meta(description="Repeated sends of what the log held already, for each message; none: any.")
    ] = None
    requests: Annotated[AMessage | None, Meta(description="Frames that devices send, for each message; none: any.")] = (
        None
    )
    storm: Annotated[
        Annotated[float, Meta(ge=0, le=1e6, extra={"unit": "a second and device"})] | None,
        Meta(
            description="Repetitions and reconnections in the busiest second after something broke, for each device; "
            "none: any."
        ),
    ] = None
