"""What a device promises of every moment at which its process may die."""

from __future__ import annotations

from imsim.protocol.fold import ENDLESS
from imsim.protocol.frames import NoOp
from imsim.protocol.records import Queued, Resolved
from imsim.testing.device.book import DEVICE, Opens
from imsim.testing.promise import expect
from imsim.testing.stage import ROOM, USER, Stage


@DEVICE.promise("a crash between any two effects loses nothing, doubles nothing and changes nothing")
def survives_every_crash(opens: Opens) -> None:
    """Writing, being written to, missing something and cancelling; every place at which the process could die."""
    cut = 0
    while not _story(stage := opens(), cut):
        stage.restart()
        stage.serve()
        _judge(stage, f"after a crash behind {cut} effects")
        cut += 1


def _judge(stage: Stage, where: str) -> None:
    """What there is, is what the log has; what is in the log was wanted, and what was wanted has its answer."""
    log = [(entry.seq, entry.client_id) for entry in stage.log.get(ROOM, []) if not isinstance(entry.body, NoOp)]
    rows = [(row.seq, row.client_id) for row in stage.disk.rows(ROOM, 1, ENDLESS) if not isinstance(row.body, NoOp)]
    expect(rows, log, f"the rows {where}")
    wanted = {record.client_id for record in stage.written(Queued)}
    own = [entry.client_id for entry in stage.log.get(ROOM, []) if entry.author == USER]
    expect([one for one in own if one not in wanted], [], f"what is in the log and was never written {where}")
    resolved = {record.client_id for record in stage.written(Resolved) if record.state.final}
    expect(sorted(wanted - resolved), [], f"what has no answer {where}")


def _story(stage: Stage, cut: int) -> bool:
    """What happens to a device that dies after `cut` more effects; whether it came to its end alive."""
    stage.dies_after = cut
    for step in (_begin, _miss_one, _take_back):
        step(stage)
        if stage.died:
            return False
    return True


def _begin(stage: Stage) -> None:
    stage.do("send", ROOM, "one")
    if not stage.died:
        stage.connect()
    stage.push(stage.write("two"))
    stage.serve()


def _miss_one(stage: Stage) -> None:
    stage.write("three")
    stage.push(stage.write("four"))
    stage.serve()


def _take_back(stage: Stage) -> None:
    client_id = stage.do("send", ROOM, "five")
    stage.do("cancel", client_id)
    stage.serve()
