"""Learning from runs: simulate, compare, sweep, tune, and show it as tables, plots and reports.

The room for everything that may be slow, and the only one that may need pandas and matplotlib; both are imported where
they are used. What decides whether a promise was kept belongs into imsim/verify/.
"""
