// A small messaging SDK, sans-IO: it is told what happens and when, and says what is to be done.
//
// Whatever it must not forget is a record, written before the frame that depends on it; that is what keeps every promise
// over a crash. What it leaves out: failovers (epochs), resumed sessions, strategies other than hybrid
// (a push for every entry, and now and then a check that finds a lost last one), deadlines.

import { Fold } from "./fold.mjs";

const EPOCH = 1;
const PAGE = 100;
const GAP_WAIT = 0.2;
const HELLO_WAIT = 2;
const CONNECT_WAIT = 10;
const ASK_WAIT = 4;
const STABLE = 30;
const CHECK = 40;
const LINGER = 2;
const PATIENCE = 4;

/** Numbers in [0, 1) from a seed of up to 53 bits (mulberry32): the same seed, the same numbers. */
function chance(seed) {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), bits | 61)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

const draftOf = ({ client_id, wall, body }) => ({ client_id, wall, body });

/** One installed client of one user. */
export class Device extends Fold {
  flights = new Map(); // what is on its way, one a conversation
  asks = new Map(); // the conversations that are behind
  touched = new Set(); // what may have been transmitted
  check = { number: 0, due: 0 };
  phase = "asleep";
  due = null;
  wanted = false;
  attempts = 0;
  greetings = 0;
  heard = 0;
  since = 0;
  ping = 0;

  constructor({ user, device, install, seed, config, records }, { forgetful }) {
    super(user);
    this.name = device;
    this.chance = chance(seed);
    const { check, interval, most, hold } = config.sync ?? {};
    this.period = check ?? interval ?? most ?? hold ?? CHECK; // how soon the model wants a lost push to be found
    for (const record of records) this.apply(record);
    if (this.install !== install) {
      const nonce = [1, 2].map(() => Math.floor(this.chance() * 2 ** 24).toString(16).padStart(6, "0")).join("");
      this.commit({ type: "installed", install, nonce });
    }
    if (forgetful) this.outbox.clear();
    for (const clientId of this.outbox.keys()) this.touched.add(clientId);
    // those of an earlier install first, then in the order of their counters
    const place = ([clientId]) => this.counter(clientId) + (this.isOwn(clientId) ? 2 ** 40 : 0);
    this.outbox = new Map([...this.outbox].sort((a, b) => place(a) - place(b)));
  }

  // ------------------------------------------------------------------------------------------ what the user does

  offer(now, wall, conversation, body) {
    const clientId = `${this.nonce}-${this.next}`;
    this.commit({ type: "queued", client_id: clientId, conversation, wall, body });
    this.pump(conversation, now);
    if (this.phase === "asleep") this.connect(now);
    return clientId;
  }

  open(now) {
    this.wanted = true;
    if (this.phase === "asleep") this.connect(now);
  }

  close() {
    this.wanted = false;
    this.leave("closed");
  }

  markRead(now, wall, conversation, asked) {
    const log = this.log(conversation);
    const seq = Math.min(asked, log.head);
    if (seq <= log.mark) return null;
    return this.offer(now, wall, this.ownLog, { type: "read", conversation, epoch: EPOCH, seq });
  }

  cancel(now, clientId) {
    const record = this.outbox.get(clientId);
    if (record === undefined) return null;
    if (!this.touched.has(clientId)) {
      this.resolve(clientId, "cancelled");
    } else if (!record.cancelling) {
      this.commit({ ...record, cancelling: true, wanted: "cancelled" });
      this.notify({ type: "send_changed", client_id: clientId, state: "unknown" });
      this.flights.delete(record.conversation);
    }
    this.pump(record.conversation, now);
    return clientId;
  }

  // ------------------------------------------------------------------------------------------ sending

  /** Offer the next entry of a conversation, if none is on its way: that keeps the order of one sender. */
  pump(conversation, now) {
    if (this.phase !== "online" || this.flights.has(conversation)) return;
    for (const record of this.outbox.values()) {
      if (record.conversation === conversation && !this.below.has(record.client_id)) {
        this.flights.set(conversation, { record, attempt: 0, due: now });
        this.offerAgain(conversation, now);
        return;
      }
    }
  }

  offerAgain(conversation, now) {
    const flight = this.flights.get(conversation);
    const record = flight.record;
    flight.attempt += 1;
    flight.due = now + this.backoff(flight.attempt, 30);
    this.touched.add(record.client_id);
    const frame = { conversation, epoch: EPOCH, attempt: flight.attempt };
    if (record.cancelling) this.transmit({ type: "cancel", client_id: record.client_id, ...frame });
    else this.transmit({ type: "send", drafts: [draftOf(record)], resolved_below: this.resolvedBelow(), ...frame });
  }

  /** Every own counter below it has its answer. */
  resolvedBelow() {
    const own = [...this.outbox.keys()].filter((clientId) => this.isOwn(clientId));
    return Math.min(this.next, ...own.map((clientId) => this.counter(clientId)));
  }

  resolve(clientId, state, reason = "") {
    const { conversation } = this.outbox.get(clientId);
    if (this.flights.get(conversation)?.record.client_id === clientId) this.flights.delete(conversation);
    this.commit({ type: "resolved", client_id: clientId, state, reason });
    this.notify({ type: "send_changed", client_id: clientId, state, reason });
  }

  onSent(frame, now) {
    const { conversation } = frame;
    for (const outcome of frame.outcomes) {
      const record = this.outbox.get(outcome.client_id);
      if (record === undefined) continue;
      const flight = this.flights.get(conversation);
      switch (outcome.answer) {
        case "ok":
          this.accept(record, outcome.seq, now);
          break;
        case "cancelled":
          this.resolve(record.client_id, record.wanted ?? "failed", outcome.reason);
          break;
        case "later":
          if (flight !== undefined) flight.due = now + (outcome.retry_after ?? 1);
          break;
        case "expired":
          this.below.set(record.client_id, outcome.seq);
          this.flights.delete(conversation);
          this.expect(conversation, outcome.seq - 1, now);
          this.judge(conversation);
          break;
        default:
          this.resolve(record.client_id, "failed", outcome.reason || outcome.answer);
      }
    }
    this.pump(conversation, now);
  }

  /** The server says where an own entry is. */
  accept(record, seq, now) {
    const { conversation, client_id } = record;
    this.flights.delete(conversation);
    const entry = { conversation, epoch: EPOCH, seq, author: this.user, ...draftOf(record) };
    this.commit({ type: "row", entry }, { type: "resolved", client_id, state: "sent" });
    this.notify({ type: "send_changed", client_id, state: "sent" });
    this.acknowledge(conversation);
    this.lookBehind(conversation, now + GAP_WAIT);
  }

  /** Once every slot below the bound is known, an expired entry is there or will never be. */
  judge(conversation) {
    for (const [clientId, below] of [...this.below]) {
      const mine = this.outbox.get(clientId).conversation === conversation;
      if (mine && this.log(conversation).upto >= below - 1) this.resolve(clientId, "failed", "its answer had expired");
    }
  }

  // ------------------------------------------------------------------------------------------ receiving

  /** Write the rows that are new, together with what they resolve. */
  take(entries, now) {
    const records = [];
    for (const entry of entries) {
      const { conversation, client_id } = entry;
      if (this.log(conversation).knows(entry.seq)) {
        this.notify({ type: "suppressed", conversation, client_id });
        continue;
      }
      records.push({ type: "row", entry });
      if (this.outbox.has(client_id)) records.push({ type: "resolved", client_id, state: "sent" });
    }
    if (records.length) this.commit(...records);
    for (const { type, client_id } of records) {
      if (type === "resolved") this.notify({ type: "send_changed", client_id, state: "sent" });
    }
    for (const [conversation, flight] of [...this.flights]) {
      if (!this.outbox.has(flight.record.client_id)) {
        this.flights.delete(conversation);
        this.pump(conversation, now);
      }
    }
    // a log of the user's own may have named another
    for (const conversation of this.logs.keys()) this.lookBehind(conversation, now + GAP_WAIT);
  }

  onPush({ conversation, entries }, now) {
    this.take(entries, now);
    this.acknowledge(conversation);
    this.judge(conversation);
  }

  onPage(frame, now) {
    const { conversation } = frame;
    const log = this.log(conversation);
    const before = JSON.stringify([log.ranges, log.head]);
    this.take(frame.entries, now);
    const records = log
      .holes(frame.trimmed_below - 1)
      .map(([low, high]) => ({ type: "missing", conversation, epoch: EPOCH, low, high }));
    const [low, high] = [Math.max(frame.low, frame.trimmed_below), frame.high];
    if (low <= high && frame.entries.length < high - low + 1) {
      // what is left out is none of this user's business
      records.push({ type: "known", conversation, epoch: EPOCH, ranges: [...log.ranges, [low, high]] });
    }
    if (records.length) this.commit(...records);
    if (frame.low > frame.high) log.head = Math.max(frame.head, log.ranges.at(-1)?.[1] ?? 0); // it ends there for us
    else log.head = Math.max(log.head, frame.head);
    this.acknowledge(conversation);
    this.judge(conversation);
    const ask = this.asks.get(conversation);
    // a page that brings nothing new is no answer
    if (ask && JSON.stringify([log.ranges, log.head]) !== before) Object.assign(ask, { due: now, tries: 0 });
    this.lookBehind(conversation, now);
  }

  /** Slots up to `head` exist. */
  expect(conversation, head, now) {
    const log = this.log(conversation);
    log.head = Math.max(log.head, head);
    this.lookBehind(conversation, now);
  }

  onHeads({ number, heads }, now) {
    if (number === this.check.number) this.check.due = now + this.period;
    for (const head of heads) this.onHead(head, now);
  }

  onHead({ conversation, head }, now) {
    this.expect(conversation, head, now);
    this.acknowledge(conversation);
  }

  /** Plan to ask for what is missing, or be done with it. */
  lookBehind(conversation, due) {
    const log = this.log(conversation);
    if (log.head <= log.upto) this.asks.delete(conversation);
    else if (!this.asks.has(conversation)) {
      this.asks.set(conversation, { due, tries: 0 });
      // what came is not what comes next
      if (log.above.length) this.notify({ type: "gap", conversation, seq: log.above.at(-1)[1] });
    }
  }

  ask(conversation, now) {
    const question = this.asks.get(conversation);
    const log = this.log(conversation);
    question.tries += 1;
    question.due = now + ASK_WAIT;
    const [low, high] = log.holes(log.head).at(-1);
    this.transmit({ type: "ask", conversation, epoch: EPOCH, low, high, limit: PAGE, newest: true });
  }

  acknowledge(conversation) {
    const { upto, above } = this.log(conversation);
    this.transmit({ type: "ack", conversation, epoch: EPOCH, upto, above });
  }

  // ------------------------------------------------------------------------------------------ the connection

  connect(now) {
    [this.phase, this.due] = ["connecting", now + CONNECT_WAIT];
    this.effects.push({ type: "connect" });
  }

  connected(now) {
    if (this.phase !== "connecting") return;
    [this.phase, this.greetings, this.heard] = ["greeting", 0, now];
    this.greet(now);
  }

  greet(now) {
    this.greetings += 1;
    this.due = now + HELLO_WAIT;
    const positions = [...this.logs].map(([conversation, { ranges }]) => ({
      conversation,
      epoch: EPOCH,
      known: ranges,
    }));
    const { user, name: device, nonce: install } = this;
    const resolved_below = this.resolvedBelow();
    this.transmit({ type: "hello", user, device, install, strategy: "hybrid", positions, resolved_below });
  }

  onWelcome({ limits }, now) {
    if (this.phase !== "greeting") return;
    [this.phase, this.since, this.ping] = ["online", now, limits.ping];
    this.planLookAround(now);
    this.check.due = now + this.period;
    for (const conversation of this.logs.keys()) this.lookBehind(conversation, now);
    for (const question of this.asks.values()) Object.assign(question, { due: now, tries: 0 });
    for (const { conversation } of this.outbox.values()) this.pump(conversation, now);
  }

  onRefused({ retry_after }, now) {
    if (this.phase !== "greeting") return;
    if (retry_after === null) this.leave("refused");
    else this.giveUp("refused", now, retry_after);
  }

  onClosed({ reason }, now) {
    if (this.phase === "online") this.giveUp(`closed by the server: ${reason}`, now);
  }

  disconnected(now) {
    if (["connecting", "greeting", "online"].includes(this.phase)) this.wait(now);
  }

  giveUp(reason, now, retryAfter = 0) {
    this.effects.push({ type: "disconnect", reason });
    this.wait(now, retryAfter);
  }

  /** Connect again later; only a session that lasted is a success that forgets earlier failures. */
  wait(now, retryAfter = 0) {
    if (this.phase === "online" && now - this.since >= STABLE) this.attempts = 0;
    this.attempts += 1;
    [this.phase, this.due] = ["waiting", now + Math.max(retryAfter, this.backoff(this.attempts, 20))];
    this.flights.clear();
  }

  leave(reason) {
    if (["connecting", "greeting", "online"].includes(this.phase)) this.effects.push({ type: "disconnect", reason });
    [this.phase, this.due] = ["asleep", null];
    this.flights.clear();
  }

  planLookAround(now) {
    const waits = [...(this.ping ? [this.ping] : []), ...(this.wanted ? [] : [LINGER])];
    this.due = waits.length ? now + Math.min(...waits) : null;
  }

  /** Is the peer still there? Is a visit over? */
  lookAround(now) {
    const silence = now - this.heard;
    if (!this.wanted && this.quiet && silence >= LINGER) this.leave("visit over");
    else if (this.ping && silence >= 2 * this.ping) this.giveUp("silent", now);
    else {
      if (this.ping && silence >= this.ping) this.transmit({ type: "ping", number: Math.floor(now) });
      this.planLookAround(now);
    }
  }

  // ------------------------------------------------------------------------------------------ time

  backoff(attempt, most) {
    return Math.min(most, 2 ** Math.min(attempt - 1, 10)) * (0.5 + this.chance() / 2);
  }

  wake(now) {
    if (this.phase === "online") {
      for (const [conversation, { due }] of this.flights) if (due <= now) this.offerAgain(conversation, now);
      for (const [conversation, { due, tries }] of this.asks) {
        if (due <= now && tries >= PATIENCE) return this.giveUp("questions are not answered", now);
        if (due <= now) this.ask(conversation, now);
      }
      if (this.check.due <= now) {
        this.check = { number: this.check.number + 1, due: now + ASK_WAIT };
        this.transmit({ type: "check", number: this.check.number });
      }
    }
    if (this.due !== null && this.due <= now) this.atDue(now);
  }

  atDue(now) {
    if (this.phase === "waiting") this.connect(now);
    else if (this.phase === "connecting") this.giveUp("connecting took too long", now);
    else if (this.phase === "online") this.lookAround(now);
    else if (this.greetings < PATIENCE) this.greet(now);
    else this.giveUp("no welcome", now);
  }

  // ------------------------------------------------------------------------------------------ what is told

  transmit(frame) {
    this.effects.push({ type: "transmit", frame });
  }

  notify(notice) {
    this.effects.push({ type: "notify", notice });
  }

  get quiet() {
    return this.outbox.size === 0 && this.asks.size === 0;
  }

  state() {
    const online = this.phase === "online";
    const dues = this.due === null ? [] : [this.due];
    if (online) for (const { due } of [...this.flights.values(), ...this.asks.values(), this.check]) dues.push(due);
    const effects = this.effects;
    this.effects = [];
    return { effects, wake_at: dues.length ? Math.min(...dues) : null, online, quiet: this.quiet };
  }
}
