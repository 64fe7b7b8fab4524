"""Mutants: one small mistake in each file of the algorithm, which the built-in verdict must notice.

A verdict that never says *violated* is worth nothing, and neither is a scenario that no mistake disturbs (*mutation
testing* after DeMillo, Lipton and Sayward, 1978; here by hand, for a mutant must be a mistake that somebody would
make). A mutant is one piece of source text and what stands there instead. It is applied to a copy of the package that
a process of its own imports, and it runs small scenarios until the outcome is *violated*, or the world says that the
algorithm broke its contract. Not to know is not to notice.

Not here: mistakes that only a unit test can see, such as one in what is shown to nobody; `WITHOUT` says which files
have no mutant, and why.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from tests.mutant_scenarios import BASE, SCENARIOS

__all__ = ["MUTANTS", "PROTOCOL", "WITHOUT", "Mutant", "outcomes"]

_ROOT: Final = Path(__file__).resolve().parents[1]
PROTOCOL: Final = _ROOT / "imsim" / "protocol"


class Mutant(NamedTuple):
    """A mistake: `new` instead of `old`, which is in `file` exactly once; found in the scenario with these seeds."""

    name: str
    file: str
    old: str
    new: str
    scenario: str
    seeds: tuple[int, ...] = (1, 2, 3)


MUTANTS: Final = (
    Mutant(
        "small holes between ranges count as filled",
        "ranges.py",
        "        if b < low - 1:",
        "        if b < low - 4:",
        "poll over datagrams",
    ),
    Mutant(
        "the cursor steps over a hole of one",
        "inbox.py",
        "        if low <= self.upto + 1:\n            self.upto = max(",
        "        if low <= self.upto + 2:\n            self.upto = max(",
        "datagram",
    ),
    Mutant(
        "every log weighs the same",
        "lane.py",
        "    return (epoch << _EPOCH_BITS) + head",
        "    return 0 * (epoch + head)",
        "untold push",
        (4, 10),
    ),
    Mutant(
        "an entry that came early moves the cursor to it",
        "fold.py",
        "        inbox.learn(entry.seq, entry.seq)",
        "        inbox.learn(1, entry.seq)",
        "adaptive",
    ),
    Mutant(
        "nobody looks for what is behind",
        "core.py",
        "        if self.inbox(conversation).behind:",
        "        if not self.inbox(conversation):",
        "poll",
    ),
    Mutant(
        "a page ends the question although more is missing",
        "catchup.py",
        "        elif progress:\n            question.asked, question.attempts, question.due = False, 0, now",
        "        elif progress:\n            question.asked, question.attempts, question.due = True, 0, 1e9",
        "narrow",
    ),
    Mutant(
        "a slot that is known is written again",
        "receiving.py",
        "            if inbox.knows(entry.seq) or",
        "            if inbox.knows(entry.seq + 1000) or",
        "datagram",
    ),
    Mutant(
        "what was lost above the cut is not offered again",
        "receiving.py",
        "        self.commit((Epoch(conversation, frame.epoch, frame.cut), *offers), now)",
        "        self.commit((Epoch(conversation, frame.epoch, frame.cut),), now)",
        "failovers",
        (1, 2, 3, 4),
    ),
    Mutant(
        "what lies between is not fetched",
        "session.py",
        "        self.outputs.append(Fetch(lane.conversation, lane.sent + 1, high))",
        "        lane.sent = high",
        "push",
    ),
    Mutant(
        "who lost a connection waits for ever",
        "connector.py",
        "        self.due = math.inf if pause is None else now + pause",
        "        self.due = math.inf",
        "cuts",
    ),
    Mutant(
        "the quick path takes any later push",
        "device.py",
        "                and entry.seq == inbox.upto + 1",
        "                and entry.seq > inbox.upto",
        "datagram",
    ),
    Mutant(
        "the end of a batch is sent first",
        "outbox.py",
        "        batch = lane.items[: lane.flight]\n",
        "        batch = lane.items[lane.flight - 1 : lane.flight]\n",
        "pending kills",
    ),
    Mutant(
        "a message whose deadline passed is failed without asking",
        "outbox.py",
        "            item.deadline = math.inf\n            if item.touched:",
        "            item.deadline = math.inf\n            if item.below:",
        "impatient",
        (4, 5, 6, 7, 8),
    ),
    Mutant(
        "what is written last is offered first",
        "unresolved.py",
        "        items.insert(index if item.offered else max(index, self.flight), item)",
        "        items.insert(self.flight, item)",
        "pending kills",
    ),
    Mutant(
        "giving up is taken for failed",
        "outbox.py",
        "                    self._give_up(lane, lane.items[: lane.flight], SendState.FAILED, now)",
        '                    self._resolve(lane.items[0], SendState.FAILED, "gave up", now)',
        "impatient",
    ),
    Mutant(
        "a retry policy gives up at once",
        "retry.py",
        "        if self.attempts is not None and attempt >= self.attempts:",
        "        if attempt:",
        "datagram",
    ),
    Mutant(
        "of two pending entries of a conversation the disk keeps one",
        "records.py",
        '    Queued: lambda r: ("out", r.client_id),',
        '    Queued: lambda r: ("out", r.conversation),',
        "pending kills",
    ),
    Mutant(
        "a bound is stated that nobody keeps",
        "sync/push.py",
        "        return None",
        "        return 1.0",
        "untold push",
        (4, 10),
    ),
    Mutant(
        "one round only",
        "sync/poll.py",
        '        """The next round."""\n        return state, (CheckNow(), Wake(now + self.interval))',
        '        """The next round."""\n        return state, ()',
        "poll",
    ),
    Mutant(
        "no question after one that found something",
        "sync/long_poll.py",
        '(the device keeps a single check in flight)."""\n        return state, (CheckNow(self.hold),)',
        '(the device keeps a single check in flight)."""\n        return state, ()',
        "long_poll",
    ),
    Mutant(
        "the check does not come",
        "sync/hybrid.py",
        "        return state, (Wake(now + self.check),)",
        "        return state, ()",
        "untold",
        (4, 10),
    ),
    Mutant(
        "a round without a question",
        "sync/adaptive.py",
        'should it fail, another follows."""\n        return state, (CheckNow(), ',
        'should it fail, another follows."""\n        return state, (*(), ',
        "adaptive",
    ),
    Mutant(
        "who has just come leaves for good",
        "sync/strategy.py",
        'Hello told where the device is behind."""\n        return state, ()',
        'Hello told where the device is behind."""\n        return state, (Rest(now + 1e6),)',
        "long_poll",
    ),
    Mutant(
        "who was answered leaves for good",
        "sync/strategy.py",
        'the device pulls what it is behind by itself."""\n        return state, ()',
        'the device pulls what it is behind by itself."""\n        return state, (Rest(now + 1e6),)',
        "poll",
    ),
    Mutant(
        "burnt slots stay empty",
        "server/accept.py",
        "                await self._fill(seq, self._no_op(seq))",
        "                continue",
        "slow backends",
    ),
    Mutant(
        "whatever is in the slot is taken for the own entry",
        "server/accept.py",
        "        found = entry if written is OK else written.entry  # type: ignore[union-attr]",
        "        found = entry",
        "impatient",
    ),
    Mutant(
        "users are not told of their conversations",
        "server/announce.py",
        "        news = [announcement for entry in changes for announcement in announcements(entry)]",
        "        news = [announcement for entry in changes[:0] for announcement in announcements(entry)]",
        "polled membership",
    ),
    Mutant(
        "everybody is told of every commit",
        "server/delivery.py",
        "        for user in value.members:\n            for session in",
        "        for user in tuple(sessions):\n            for session in",
        "membership",
    ),
    Mutant(
        "a conversation that was joined is not found",
        "server/directory.py",
        "        found[body.conversation] = body.seq",
        "        found.pop(body.conversation, None)",
        "poll",
    ),
    Mutant(
        "an epoch's lost tail is named by an empty list",
        "server/failover.py",
        "            lost = await lost_of(self._claims, tenure, notes)",
        "            lost = await lost_of(self._claims, tenure, notes[:0])",
        "lost tail",
    ),
    Mutant(
        "claims are dropped without a floor, and at once",
        "server/floor.py",
        "        floor = await kv.raise_to(floor_key(nonce), below, timeout=timeout)",
        "        floor = below",
        "busy",
    ),
    Mutant(
        "a session is resumed whatever it missed",
        "server/gateway.py",
        "        if resumed is not None and not resumed.accounts_for(heads):",
        "        if resumed is not None and not heads:",
        "untold push",
        (4, 10),
    ),
    Mutant(
        "who joins may read from the beginning",
        "server/log.py",
        "            self._spans.setdefault(user, []).append(Span(user, seq))",
        "            self._spans.setdefault(user, []).append(Span(user, 1))",
        "membership",
    ),
    Mutant(
        "entitlement is not checked",
        "server/log.py",
        "entry in entries if membership.may_read(user, entry.seq))",
        "entry in entries)",
        "membership",
    ),
    Mutant(
        "a page does not say that trimming overtook it",
        "server/log.py",
        "        if len(entries) > high - max(low, state.trimmed_below) and (",
        "        if len(entries) >= 0 and (",
        "short memory",
    ),
    Mutant(
        "users' own logs are trimmed as well",
        "server/retention.py",
        "        if limit is None or owned.own or tenure",
        "        if limit is None or tenure",
        "short memory",
    ),
    Mutant(
        "a mailbox does one piece of what waits",
        "server/mailbox.py",
        "        while waiting:",
        "        if waiting:",
        "crowded",
    ),
    Mutant(
        "the offline store has holes",
        "server/offline.py",
        "        if entry.epoch != last.epoch or entry.seq != last.seq + 1:",
        "        if entry.epoch != last.epoch:",
        "small store",
    ),
    Mutant(
        "the answer of another server is dropped",
        "server/routing.py",
        "        return answer if type(answer) is Sent else None",
        "        return None",
        "impatient servers",
    ),
    Mutant(
        "a batch goes on behind a send of unknown fate",
        "server/sequencer.py",
        "            if outcome is None:\n                break",
        "            if outcome is None:\n                continue",
        "weak backends",
        (1,),
    ),
    Mutant(
        "claims are not compared",
        "services/claims.py",
        "                claim = await self._move(name, claim, target, expires_in)",
        "                claim = target",
        "datagram",
    ),
    Mutant(
        "a claim is taken for a proof",
        "services/claims.py",
        "            claim = await self._get(name)  # 1\n",
        "            claim = await self._get(name)  # 1\n"
        "            if claim is not None and claim.seq:\n"
        "                return Outcome(key, Answer.OK, claim.epoch, claim.seq)\n",
        "lost tail",
    ),
    Mutant(
        "a cancelled key leaves no tombstone",
        "services/claims.py",
        "            claim = await self._move(name, None, tombstone)",
        "            return Outcome(key, Answer.CANCELLED)",
        "impatient",
    ),
    Mutant(
        "an owner in a later epoch tells nobody",
        "server/ownership.py",
        "        if tenure.epoch > FIRST_EPOCH:\n            self._ears",
        "        if tenure.epoch < FIRST_EPOCH:\n            self._ears",
        "lost tail",
    ),
    Mutant(
        "the first slot that a cut took is passed over",
        "server/tail.py",
        "        for seq in range(cut + 1, end + 1):",
        "        for seq in range(cut + 2, end + 1):",
        "lost tail",
    ),
    Mutant(
        "a register is there before anybody is in it",
        "server/register.py",
        "(register := seen or HeardIn()).installs",
        "(register := seen).installs",
        "forgetful",
    ),
    Mutant(
        "a sweep that times out takes its server down",
        "server/silence.py",
        "            except (Unavailable, Timeout):\n                continue",
        "            except Unavailable:\n                continue",
        "forgetful",
    ),
    Mutant(
        "every timer has its slot turned",
        "server/wheel.py",
        "        else:\n            waiting.append(timer)",
        "        else:\n            waiting.append(timer)\n            self._runtime.spawn(self._turn(slot))",
        "push",
    ),
    Mutant(
        "an edit brings back what was recalled",
        "timeline.py",
        "        return any(type(op.body) is Recall for op in self._operations_on(row))",
        "        return all(type(op.body) is Recall for op in self._operations_on(row) or (row,))",
        "changes of mind",
    ),
    Mutant(
        "who was never answered found nothing",
        "services/patience.py",
        "    return await call(*subject, **how)\n\n\n",
        "    try:\n        return await call(*subject, **how)\n    except (Unavailable, Timeout):\n"
        "        return None  # type: ignore[return-value]\n\n\n",
        "weak log",
    ),
    Mutant(
        "a call that is done is not forgotten",
        "services/idempotency.py",
        "        del self._calls[key]\n        if call.future is not None:\n            call.future.set_result",
        "        if call.future is not None:\n            call.future.set_result",
        "impatient",
    ),
)

WITHOUT: Final = {
    "__init__.py": "no code",
    "server/__init__.py": "no code",
    "services/__init__.py": "no code",
    "sync/__init__.py": "tables of names only",
    "config.py": "data only",
    "contract.py": "types only",
    "effects.py": "data only",
    "codec.py": "the simulated world hands frames over as they are",
    "frames.py": "data only",
    "marks.py": "counts what happens, and changes nothing of it",
    "requests.py": "data only",
    "server/config.py": "data only",
    "server/presence.py": "soft state, by design outside of everything that the verdict judges",
    "server/server.py": "puts parts together; a part that is never started is made up for by checks and connections",
}
"""The files without a mutant, and why."""


def _tree(folder: Path, mutant: Mutant | None) -> None:
    """A copy of the package in `folder`, with the mistake in it."""
    shutil.copytree(_ROOT / "imsim", folder / "imsim", ignore=shutil.ignore_patterns("*.tmp"))
    (folder / "models").symlink_to(_ROOT / "models")
    if mutant is not None:
        place = folder / "imsim" / "protocol" / mutant.file
        text = place.read_text(encoding="utf-8")
        place.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        for stale in (place.parent / "__pycache__").glob(f"{place.stem}.*"):
            stale.unlink()


_RUN: Final = """
import json, sys
from imsim.errors import AlgorithmError
from imsim.scenario import loads
from imsim.study.run import simulate
base, overrides, seeds = json.load(sys.stdin)
outcomes = []
for seed in seeds:
    try:
        outcomes.append(simulate(loads(base, overrides), seed=seed).verdict.outcome.word)
    except AlgorithmError:
        outcomes.append("broken")
    if outcomes[-1] in ("violated", "broken"):
        break
print(json.dumps(outcomes))
"""


def outcomes(folder: Path, mutant: Mutant) -> list[str]:
    """What the verdict says of `mutant`, seed after seed until it is caught; `folder` takes the copy of the package.

    Raises:
        subprocess.CalledProcessError: the mutant does not even start, so that it proves nothing.
    """
    _tree(folder, mutant)
    question = json.dumps([BASE, SCENARIOS[mutant.scenario], mutant.seeds])
    place = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", _RUN],
        input=question,
        text=True,
        capture_output=True,
        check=True,
        cwd=folder,
        env=place,
        timeout=60,
    )
    found: list[str] = json.loads(done.stdout)
    return found
