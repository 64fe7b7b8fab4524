"""The ports of imsim/ports.py kept with real technology, one technology a file.

An adapter turns off its client's own retries, commits and reconnects, and maps the client's errors to `Unavailable`
(not done) or `Timeout` (unknown) at this boundary and nowhere else. Decisions about messages do not belong here.
"""
