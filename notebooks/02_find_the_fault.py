# %% [markdown]
# # Find the fault
#
# You give imsim a device of your own, search for the faults that break a promise, look at the shrunk case, mend the
# device, and see that it holds. Then you compare what retry policies cost.

# %%
import matplotlib.pyplot as plt
import pandas as pd

import imsim
from imsim.protocol.device import Device
from imsim.protocol.effects import Transmit
from imsim.protocol.retry import Exponential, Fixed, FullJitter
from imsim.verify.search import try_case

tiny = imsim.load("tiny")

# %% [markdown]
# ## A device that is in a hurry
#
# A device decides, and hands out effects in order: what to write to its disk, what to transmit. This one transmits
# first. All works well, until a phone dies between the two.


# %%
class Hasty(Device):
    """Answers before what it answers for is durable."""

    def poll(self):
        return sorted(super().poll(), key=lambda effect: type(effect) is not Transmit)


found = imsim.check(tiny, device=Hasty, runs=170)
found

# %% [markdown]
# Of the faults of that case one is left. Here is what it does, as a picture: time goes down, an arrow is a frame, the
# red ring is where the promise is broken. Below it stands the same run without the fault, and where the two part.

# %%
failure = found.failures[0]
imsim.explain(failure)

# %% [markdown]
# The case is data: scenario, seed, and faults in words. `print` shows it; `imsim replay`, `imsim export --pytest` and
# `failure.smallest.write("case.toml")` take it elsewhere. The device as it should be holds in the very same case:

# %%
print(failure.smallest)
print(try_case(failure.smallest).outcome.word)

# %% [markdown]
# ## What was tried
#
# A search that found nothing says how much it looked at: which faults, and which of the rare places in the code.

# %%
held = imsim.check(tiny, runs=80)
print(held)

# %%
marks = {mark: cases for mark, cases in held.coverage.marks.items() if cases}
names = sorted(marks, key=marks.get)[-15:]
figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
axes.barh(names, [marks[name] for name in names], color="tab:blue")
axes.set_xlabel(f"cases of {held.cases} that passed it")
axes.set_title("Rare places in the code that were reached")
# %% [markdown]
# ## What a policy costs
#
# Policies are plain values. The same messages over a network that loses a third of all frames, sent again after a fixed
# time or ever more rarely:

# %%
bad = imsim.load("tiny", {"network.profiles.4g.kind": "datagram", "network.profiles.4g.loss": 0.3})
policies = {
    "every 0.3 s": Fixed(base=0.3),
    "every second": Fixed(base=1.0),
    "exponential": Exponential(base=0.5, cap=20.0),
    "full jitter": FullJitter(base=0.5, cap=20.0),
}
rows = []
for name, policy in policies.items():
    runs = [imsim.simulate(bad, seed=seed, send=policy) for seed in range(1, 9)]
    for run in runs:
        run.verdict.assert_ok()
    repeats = sum(run.metrics.retries for run in runs) / len(runs)
    late = sum(run.metrics.latency_ms.p95 for run in runs) / len(runs) / 1000
    rows.append({"policy": name, "repeated sends and pushes": repeats, "95 % within, s": late})
costs = pd.DataFrame(rows).set_index("policy")
costs.round(1)

# %%
costs.plot.bar(subplots=True, layout=(1, 2), figsize=(9, 3.5), legend=False, rot=20, xlabel="")

# %% [markdown]
# To try: plant a bug of the zoo (`imsim zoo` lists them, `imsim check tiny --flaw early-cursor` hunts one), or put
# `Hasty` into a module of its own: then the search uses all cores.
