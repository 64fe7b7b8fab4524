// A device for imsim in JavaScript: what turns imsim's lines into calls of the SDK beside this file.
//
//     imsim check tiny --device-cmd "node examples/devices/node/device.mjs"
//
// `--forget-outbox` breaks it on purpose: after a restart it knows of no message that still waits, and imsim finds out.
// docs/device-protocol.md says what every line means.

import { createInterface } from "node:readline";

import { Device } from "./sdk.mjs";

const FORGETFUL = process.argv.includes("--forget-outbox");

const FRAMES = {
  welcome: (device, frame, now) => device.onWelcome(frame, now),
  refused: (device, frame, now) => device.onRefused(frame, now),
  closed: (device, frame, now) => device.onClosed(frame, now),
  push: (device, frame, now) => device.onPush(frame, now),
  page: (device, frame, now) => device.onPage(frame, now),
  sent: (device, frame, now) => device.onSent(frame, now),
  heads: (device, frame, now) => device.onHeads(frame, now),
  hint: (device, frame, now) => device.onHead(frame, now),
  pong: () => {}, // the peer is alive: `heard` says so
  presence: () => {}, // not for this SDK
};

const LINES = {
  open: (device, { now }) => device.open(now),
  close: (device) => device.close(),
  send: (device, { now, wall, conversation, content, reply_to }) =>
    device.offer(now, wall, conversation, { type: "message", content, reply_to }),
  edit: (device, { now, wall, conversation, target, content }) =>
    device.offer(now, wall, conversation, { type: "edit", target, content }),
  recall: (device, { now, wall, conversation, target }) =>
    device.offer(now, wall, conversation, { type: "recall", target }),
  join: (device, { now, wall, conversation, user }) => device.offer(now, wall, conversation, { type: "join", user }),
  leave: (device, { now, wall, conversation }) =>
    device.offer(now, wall, conversation, { type: "leave", user: device.user }),
  mark_read: (device, { now, wall, conversation, seq }) => device.markRead(now, wall, conversation, seq),
  cancel: (device, { now, client_id }) => device.cancel(now, client_id),
  connected: (device, { now }) => device.connected(now),
  disconnected: (device, { now }) => device.disconnected(now),
  hint: (device, { now }) => device.phase === "asleep" && device.connect(now),
  wake: (device, { now }) => device.wake(now),
  frame: (device, { now, frame }) => {
    device.heard = now;
    if (frame.type === "epoch") throw new Error("this device knows no failovers");
    FRAMES[frame.type](device, frame, now);
  },
};

const NAMING = new Set(["send", "edit", "recall", "join", "leave", "mark_read", "cancel"]);
const devices = new Map();

/** One line answers one line. */
function answer(line) {
  const device = devices.get(line.device);
  switch (line.do) {
    case "hello":
      return { protocol: 1 };
    case "begin":
      devices.clear();
      return {};
    case "load":
      devices.set(line.device, new Device(line, { forgetful: FORGETFUL }));
      return devices.get(line.device).state();
    case "look": {
      const ofEach = (told) => Object.fromEntries([...device.logs].map(([name, log]) => [name, told(log, name)]));
      const positions = ofEach(({ upto }) => [1, upto]);
      const read = ofEach(({ mark }) => [1, mark]);
      const unread = ofEach((_, name) => device.unread(name));
      return { positions, read, unread, contents: line.contents.map((clientId) => device.content(clientId)) };
    }
    default: {
      const result = LINES[line.do](device, line);
      return { ...device.state(), client_id: NAMING.has(line.do) ? result : null };
    }
  }
}

for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text);
  process.stdout.write(`${JSON.stringify({ n: line.n, ...answer(line) })}\n`);
}
