"""What a server builds upon: idempotency and the other small distributed algorithms, each in a file of its own.

A service speaks to ports only and can be used, and searched for errors, without the rest of the server. What a
conversation or a message is, it does not know: that belongs into imsim/protocol/server/.
"""
