"""The simulated world: virtual time, and everything in it that may go wrong on purpose.

It drives the objects of imsim/protocol/ through imsim/ports.py and knows nothing of imsim/live/.
"""
