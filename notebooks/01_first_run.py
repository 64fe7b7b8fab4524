# %% [markdown]
# # A first run
#
# You simulate two users, look at what happened, then simulate a lesson at school, draw it, and break it. It takes a few
# seconds; every cell may be changed and run again.

# %%
import matplotlib.pyplot as plt
import numpy as np

import imsim

# %% [markdown]
# ## Two users, six messages, three faults
#
# `tiny` is a shipped model (`imsim models` lists the others). The seed answers everything that is left to chance: the
# same seed gives the same run.

# %%
run = imsim.simulate(imsim.load("tiny"), seed=1)
run

# %% [markdown]
# *holds* means: nothing lost, nothing shown twice, one order for everybody, all devices the same in the end. *Not
# exercised* is what this run could not have caught, because it never came up.
#
# Every figure is an attribute:

# %%
print(f"{run.metrics.deliveries} of {run.metrics.expected} deliveries, {run.metrics.retries} retries")
run.metrics.latency_ms

# %% [markdown]
# One row a message. Bob's second and third were slow: he wrote them while the server was down.

# %%
run.messages[["sender", "kind", "submitted", "accepted", "delivered", "latency_max_ms"]]

# %% [markdown]
# One row a delivery, that is a message on a device:

# %%
run.deliveries.sort_values("latency_ms", ascending=False).head()

# %% [markdown]
# And the life of one message, fact by fact. Alice wrote it while her home was cut off: her phone tried again, a copy
# came back, and it was suppressed rather than shown twice.

# %%
run.timeline(message="alice-3").query("event not in ['sent', 'received']")[["t", "node", "event", "attempt", "detail"]]

# %% [markdown]
# ## A lesson at school
#
# Two classes of 25. The pupils answer in bursts; meanwhile the school loses the cloud, and the server restarts.

# %%
lesson = imsim.simulate(imsim.load("education"), seed=1)
lesson

# %% [markdown]
# How long did a message take to the other devices? The axis is logarithmic: most take a fraction of a second, and a few
# take as long as a phone was without a network.

# %%
others = lesson.deliveries.query("not own")
latency_s = others["latency_ms"].dropna() / 1000

figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
axes.hist(latency_s, bins=np.geomspace(latency_s.min(), latency_s.max(), 50), color="tab:blue")
axes.set_xscale("log")
axes.set(xlabel="latency, seconds", ylabel="deliveries", title=f"{len(latency_s):,} deliveries to other devices")
for share, colour in ((0.5, "tab:green"), (0.95, "tab:orange"), (0.99, "tab:red")):
    at = latency_s.quantile(share)
    axes.axvline(at, color=colour, label=f"{share:.0%} within {at:.3g} s")
axes.legend(loc="upper right")
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# When were they delivered? Faults are facts of the history like everything else, so they can be shaded. What could not
# pass during a fault comes right after it. (The black line counts a message once for each device that it is for.)

# %%
facts = lesson.history.frame()


def span(node, begin, end):
    """The seconds at which something first befell a node, and at which it was over."""
    times = facts[facts["node"] == node].set_index("event")["t"]
    return times[[begin]].min(), times[[end]].min()


shaded = {
    "the school is cut off": span("world", "partitioned", "healed"),
    "the server is down": span("server-1", "crashed", "restarted"),
}

figure, panels = plt.subplots(ncols=2, figsize=(9, 3.5), sharey=True, layout="constrained")
for axes, (title, (begin, end)) in zip(panels, shaded.items(), strict=True):
    seconds = np.arange(begin - 30, end + 60, 2.5)
    axes.axvspan(begin, end, color="tab:orange", alpha=0.3)
    axes.hist(others["shown"], bins=seconds, color="tab:blue", label="delivered")
    axes.hist(others["submitted"], bins=seconds, histtype="step", color="black", label="submitted")
    axes.set(xlabel="seconds", title=title, xlim=(seconds[0], seconds[-1]))
    axes.spines[["top", "right"]].set_visible(False)
panels[1].legend(frameon=False, loc="upper right")
panels[0].set(ylabel="deliveries in 2.5 seconds")
plt.show()

# %% [markdown]
# ## Make it worse
#
# Second arguments of `load` are what `--set` is on the command line. Here 90 % of all frames are lost, and what is lost
# is tried again after longer and longer pauses.

# %%
worse = imsim.simulate(imsim.load("tiny", ["network.loss=0.9"]), seed=1)
print(worse.verdict.outcome.word)
worse.metrics

# %% [markdown]
# Every promise held: a network makes messages late, and it must never lose or double one. Where did the time go? On
# the phone nobody answered the hellos for long.

# %%
worse.timeline(node="alice/phone")[["t", "event", "message", "attempt", "detail"]].head(12)

# %% [markdown]
# After the last fault the devices get all the time that their settings can need. A run that ends earlier than that
# proves nothing by what is missing, and the verdict is *unknown* rather than a guess:

# %%
early = imsim.simulate(imsim.load("tiny", ["network.loss=0.9", "settle=2s"]), seed=1)
print(early.verdict.lines()[0])

# %% [markdown]
# ## Break the algorithm
#
# Networks alone break no promise, or the algorithm would be wrong. So plant a bug, as somebody might write it: a device
# that does not look whether it has a message already. (In one run only: the patch ends with the block.)

# %%
from unittest.mock import patch

from imsim.protocol.inbox import Inbox


def knows_nothing(_inbox, _seq):
    """The bug: every message is new."""
    return False


with patch.object(Inbox, "knows", knows_nothing):
    planted = imsim.simulate(imsim.load("tiny"), seed=1)
planted.verdict

# %% [markdown]
# The same seed, and the same copy that was suppressed above. Now it is shown a second time, and the verdict names the
# two facts that prove it. A picture of the case leaves out all that does not matter: time goes down, an arrow is a
# frame, and the red ring is where the promise is broken. (`run.diagram(message="alice-3")` draws the life of one
# message in any run, and `print` makes it text.)

# %%
planted.diagram()

# %% [markdown]
# With another seed there may be no copy, and nothing to find: hence one tries many seeds, and a verdict says what was
# not exercised. How many copies does each seed bring?

# %%
{seed: imsim.simulate(imsim.load("tiny"), seed=seed).metrics.duplicates_suppressed for seed in range(1, 9)}

# %% [markdown]
# To try: `network.loss=0.3` above, or `sync.strategy=poll` for the lesson. In a test,
# `run.verdict.assert_ok()` fails with all of this in its message.
