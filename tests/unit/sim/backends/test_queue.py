from __future__ import annotations


def receive(stage, server, topic="topic"):
    async def subscribed():
        consumer = await server.ports.queue.subscribe(topic, "g", timeout=5.0)
        return await consumer.receive(10)

    return stage.call(server, subscribed())


def publish(stage, server, *pairs):
    for key, value in pairs:
        stage.call(server, server.ports.queue.publish("topic", key, value, timeout=5.0))


def test_redelivery_inside_a_batch_repeats_a_lane_in_order(staged):
    stage = staged(seed=3)
    backends = stage.backends(redelivery=1.0)
    server = stage.server(backends)
    publish(stage, server, ("k", "a"), ("k", "b"), ("l", "c"))
    _, batch = receive(stage, server)
    assert [(item.value, item.delivery) for item in batch] == [
        ("a", 1),
        ("b", 1),
        ("c", 1),
        ("a", 2),
        ("b", 2),
        ("c", 2),
    ]


def test_a_share_of_redeliveries_is_a_share(staged):
    stage = staged(seed=4)
    backends = stage.backends(redelivery=0.25)
    server = stage.server(backends)
    sizes = []

    async def all_of_them():
        consumer = await server.ports.queue.subscribe("topic", "g", timeout=5.0)
        for number in range(400):
            await server.ports.queue.publish("topic", f"k{number}", "value", timeout=5.0)
            batch = await consumer.receive(10)
            sizes.append(len(batch))
            await consumer.ack([item.tag for item in batch], timeout=5.0)

    stage.call(server, all_of_them())
    assert set(sizes) == {1, 2}
    assert 60 < sizes.count(2) < 140  # 100 expected, standard deviation 8.7


def test_a_consumer_waits_for_a_publication(stage):
    backends = stage.backends()
    one, two = stage.server(backends, "server-1"), stage.server(backends, "server-2")

    async def received():
        consumer = await one.ports.queue.subscribe("topic", "g", timeout=5.0)
        return await consumer.receive(10)

    stage.start(one, "received", received())
    stage.kernel.run(until=7)
    publish(stage, two, ("k", "late"))
    when, batch = stage.ends["received"]
    assert (when, [item.value for item in batch]) == (7.0, ["late"])


def test_what_a_crashed_server_held_goes_to_another(stage):
    backends = stage.backends()
    one, two = stage.server(backends, "server-1"), stage.server(backends, "server-2")
    publish(stage, two, ("k", "value"))
    stage.start(one, "one", _receive(one))
    stage.kernel.run(until=1)
    one.crash()
    backends.disconnect(one.runtime)
    stage.start(two, "two", _receive(two))
    stage.kernel.run(until=2)
    assert [(item.value, item.delivery) for item in stage.ends["two"][1]] == [("value", 2)]


async def _receive(server):
    consumer = await server.ports.queue.subscribe("topic", "g", timeout=5.0)
    return await consumer.receive(10)
