// What the SDK must not forget: its state as a fold of its records, live and after a restart.

/** What is known of one conversation: ranges of seq, rising and never touching, and where the log ends. */
class Log {
  ranges = [];
  head = 0;
  mark = 0;

  /** The cursor: everything up to here is known. */
  get upto() {
    return this.ranges.length && this.ranges[0][0] === 1 ? this.ranges[0][1] : 0;
  }

  /** What is known beyond the first gap. */
  get above() {
    return this.upto ? this.ranges.slice(1) : this.ranges;
  }

  knows(seq) {
    return this.ranges.some(([low, high]) => low <= seq && seq <= high);
  }

  learn(low, high) {
    const isApart = ([a, b]) => b < low - 1 || a > high + 1;
    const joined = this.ranges.filter((range) => !isApart(range));
    const whole = [Math.min(low, ...joined.map(([a]) => a)), Math.max(high, ...joined.map(([, b]) => b))];
    this.ranges = [...this.ranges.filter(isApart), whole].sort(([a], [b]) => a - b);
    this.head = Math.max(this.head, high);
  }

  /** What is not known of `1..upto`. */
  holes(upto) {
    const found = [];
    let expected = 1;
    for (const [low, high] of [...this.ranges, [upto + 1, upto + 1]]) {
      const end = Math.min(low - 1, upto);
      if (expected <= end) found.push([expected, end]);
      expected = high + 1;
    }
    return found;
  }
}

/** What one installed client knows and wants, as its records say. */
export class Fold {
  effects = [];
  logs = new Map();
  rows = new Map();
  outbox = new Map(); // what is not resolved, by client id
  below = new Map(); // expired answers: the verdict is in the slots below
  install = "";
  nonce = "";
  next = 0;

  constructor(user) {
    this.user = user;
    this.ownLog = `~${user}`;
  }

  log(conversation) {
    if (!this.logs.has(conversation)) this.logs.set(conversation, new Log());
    return this.logs.get(conversation);
  }

  /** Apply records and have them written: the only way in which the lasting state changes. */
  commit(...records) {
    for (const record of records) this.apply(record);
    this.effects.push({ type: "write", records });
  }

  apply(record) {
    switch (record.type) {
      case "installed":
        [this.install, this.nonce, this.next] = [record.install, record.nonce, 0];
        break;
      case "row":
        this.applyRow(record.entry);
        break;
      case "queued":
        this.count(record.client_id);
        this.outbox.set(record.client_id, record);
        if (record.body.type === "read") this.raiseMark(record.body);
        break;
      case "resolved":
        this.count(record.client_id);
        this.outbox.delete(record.client_id);
        this.below.delete(record.client_id);
        break;
      case "known":
        for (const [low, high] of record.ranges) this.log(record.conversation).learn(low, high);
        break;
      case "missing":
        this.log(record.conversation).learn(record.low, record.high);
    }
  }

  applyRow(entry) {
    this.rows.set(entry.client_id, entry);
    this.log(entry.conversation).learn(entry.seq, entry.seq);
    if (entry.conversation !== this.ownLog) return;
    if (entry.body.type === "read") this.raiseMark(entry.body);
    if (entry.body.type === "joined") {
      const joined = this.log(entry.body.conversation);
      joined.head = Math.max(joined.head, entry.body.seq);
    }
  }

  raiseMark({ conversation, seq }) {
    const log = this.log(conversation);
    log.mark = Math.max(log.mark, seq);
  }

  count(clientId) {
    if (this.isOwn(clientId)) this.next = Math.max(this.next, this.counter(clientId) + 1);
  }

  isOwn(clientId) {
    return clientId.startsWith(`${this.nonce}-`);
  }

  counter(clientId) {
    return Number(clientId.slice(clientId.lastIndexOf("-") + 1));
  }

  /** Messages of others above the user's mark that are not recalled. */
  unread(conversation) {
    const { mark } = this.log(conversation);
    const isUnread = (row) =>
      row.conversation === conversation &&
      row.seq > mark &&
      row.author !== this.user &&
      this.content(row.client_id) !== null;
    return [...this.rows.values()].filter(isUnread).length;
  }

  /** What the user reads: the latest edit, the message itself, or nothing once it is recalled. */
  content(clientId) {
    const row = this.rows.get(clientId);
    const operations = [...this.rows.values()].filter(
      ({ author, body }) => body.target === clientId && author === row.author,
    );
    if (row.body.type !== "message" || operations.some(({ body }) => body.type === "recall")) return null;
    const isLater = (a, b) => a.wall - b.wall || this.counter(a.client_id) - this.counter(b.client_id);
    return (operations.sort(isLater).at(-1) ?? row).body.content;
  }
}
