from __future__ import annotations

from imsim.errors import Timeout, Unavailable


def pair(stage, **settings):
    backends = stage.backends(**settings)
    return backends, stage.server(backends, "server-1"), stage.server(backends, "server-2")


async def shout(request):
    return request.upper()


def test_a_peer_answers(stage):
    backends, one, two = pair(stage)
    backends.board.serve(two.runtime, shout)
    assert stage.call(one, one.ports.peers.call("server-2", "hello", timeout=5.0)) == (0.0, "HELLO")
    assert one.ports.peers.node == "server-1"


def test_the_way_takes_as_long_as_the_network_says(stage):
    way = {("server-1", "server-2"): 0.5, ("server-2", "server-1"): 0.25}
    backends, one, two = pair(stage, route=lambda a, b: way[a, b])
    backends.board.serve(two.runtime, shout)
    assert stage.call(one, one.ports.peers.call("server-2", "hello", timeout=5.0)) == (0.75, "HELLO")


def test_a_peer_that_is_down_or_unknown_is_unavailable(stage):
    backends, one, two = pair(stage)
    backends.board.serve(two.runtime, shout)
    two.crash()
    for node in ("server-2", "server-9"):
        _, error = stage.call(one, one.ports.peers.call(node, "hello", timeout=5.0))
        assert type(error) is Unavailable


def test_a_restarted_peer_answers_again(stage):
    backends, one, two = pair(stage)
    backends.board.serve(two.runtime, shout)
    two.crash()
    again = stage.server(backends, "server-2", number=2)
    backends.board.serve(again.runtime, shout)
    assert stage.call(one, one.ports.peers.call("server-2", "hello", timeout=5.0))[1] == "HELLO"


def test_a_peer_that_dies_while_it_works_leaves_the_outcome_unknown(stage):
    backends, one, two = pair(stage)
    did = []

    async def work(request):
        did.append(request)
        await two.runtime.sleep(1.0)
        return "done"

    backends.board.serve(two.runtime, work)
    stage.start(one, "call", one.ports.peers.call("server-2", "job", timeout=5.0))
    stage.kernel.run(until=0.5)
    two.crash()
    stage.kernel.run()
    when, error = stage.ends["call"]
    assert (when, type(error), did) == (5.0, Timeout, ["job"])


def test_a_cut_way_there_does_nothing_and_a_cut_way_back_does_it(stage):
    cut = set()
    did = []

    async def work(request):
        did.append(request)
        return "done"

    backends, one, two = pair(stage, route=lambda a, b: None if (a, b) in cut else 0.1)
    backends.board.serve(two.runtime, work)
    cut.add(("server-1", "server-2"))
    assert type(stage.call(one, one.ports.peers.call("server-2", "there", timeout=1.0))[1]) is Timeout
    cut = {("server-2", "server-1")}
    assert type(stage.call(one, one.ports.peers.call("server-2", "back", timeout=1.0))[1]) is Timeout
    assert did == ["back"]


def test_what_the_handler_may_not_know_reaches_the_caller(stage):
    backends, one, two = pair(stage)

    async def refuse(request):
        raise Unavailable(request)

    backends.board.serve(two.runtime, refuse)
    assert type(stage.call(one, one.ports.peers.call("server-2", "hello", timeout=5.0))[1]) is Unavailable


def test_a_call_to_a_peer_deviates_by_its_request(staged):
    stage = staged("time out after the 1st port call peers.call of str at server-1")
    backends, one, two = pair(stage)
    did = []

    async def work(request):
        did.append(request)
        return "done"

    backends.board.serve(two.runtime, work)
    assert type(stage.call(one, one.ports.peers.call("server-2", "job", timeout=1.0))[1]) is Timeout
    assert did == ["job"]
