"""What a device promises of what its user reads."""

from __future__ import annotations

from imsim.protocol.frames import Edit, Read, Recall
from imsim.protocol.records import Queued
from imsim.testing.device.book import DEVICE, Opens
from imsim.testing.promise import expect
from imsim.testing.stage import OWN, ROOM


@DEVICE.promise("a read mark goes to the user's own log, unless it is no news")
def marks_as_read(opens: Opens) -> None:
    """Once raised, it is not raised again."""
    stage = opens()
    stage.connect()
    stage.push(stage.write("one"))
    client_id = stage.do("mark_read", ROOM, 1)
    marks = [(record.conversation, record.body) for record in stage.written(Queued) if record.client_id == client_id]
    expect(marks, [(OWN, Read(ROOM, 1, 1))], "what was written for the read mark")
    expect(stage.do("mark_read", ROOM, 1), None, "a mark that is no news")


@DEVICE.promise("the user reads the latest edit by the author, and nothing once it is recalled")
def shows_edits(opens: Opens) -> None:
    """Others' edits do not count."""
    stage = opens()
    stage.connect()
    target = stage.write("helo")
    stage.push(target, stage.write(Edit(target.client_id, "hello")), stage.write(Edit(target.client_id, "x"), "carol"))
    contents = {row.client_id: content for row, content in stage.device.changed()}
    expect(contents.get(target.client_id), "hello", "the content after an edit")
    stage.push(stage.write(Recall(target.client_id)))
    contents = {row.client_id: content for row, content in stage.device.changed()}
    expect(contents.get(target.client_id, "unchanged"), None, "the content after a recall")
