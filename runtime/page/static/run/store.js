// What the page knows of the run. It holds minutes, not hours: a tab may stay open for weeks.

const HISTORY_S = 300;
const HISTORY_POINTS = 1600;
const RECENT_EVENTS = 60;

class Store extends EventTarget {
  run = null;
  role = null;
  streams = new Map();
  lanes = new Map();
  events = [];
  stats = null;
  teaching = null;
  #skew = 0;

  /** Listen until the signal aborts. */
  on(topic, listener, signal) {
    this.addEventListener(topic, (event) => listener(event.detail), { signal });
  }

  tell(topic, detail) {
    this.dispatchEvent(new CustomEvent(topic, { detail }));
  }

  /** Seconds since 1970 on the run's clock. */
  now() {
    return Date.now() / 1000 + this.#skew;
  }

  get mayChange() {
    return this.role === "change";
  }

  take(message) {
    const handler = this.#handlers[message.type];
    if (handler) handler(message);
  }

  #handlers = {
    hello: (message) => {
      this.run = message.run;
      this.role = message.role;
      this.#skew = message.time - Date.now() / 1000;
      this.streams = new Map(message.streams.map((stream) => [stream.name, stream]));
      const before = this.lanes;
      this.lanes = new Map();
      for (const stream of message.streams) this.#takeLanes(stream, before);
      this.tell("hello", message);
    },
    info: ({ stream }) => {
      const before = new Map(
        (this.streams.get(stream.name)?.lanes ?? []).map((lane) => [
          lane.lane,
          this.lanes.get(lane.lane),
        ]),
      );
      for (const name of before.keys()) this.lanes.delete(name);
      this.streams.set(stream.name, stream);
      this.#takeLanes(stream, before);
      this.tell("info", stream);
    },
    result: (message) => {
      const lane = this.lanes.get(message.lane);
      if (!lane) return;
      lane.latest = message;
      lane.history.push({
        time: this.now() - (message.age_ms ?? 0) / 1000,
        decision: message.decision,
        top: message.top.map(({ label }, place) => [label, message.values[place]]),
      });
      this.#forget(lane.history);
      this.tell("result", message);
    },
    event: (message) => {
      const lane = this.lanes.get(laneOf(message));
      if (lane) lane.info.action = message.event === "end" ? null : message.label;
      this.events.unshift(message);
      this.events.length = Math.min(this.events.length, RECENT_EVENTS);
      this.tell("event", message);
    },
    stream: (message) => {
      const stream = this.streams.get(message.source);
      if (!stream) return;
      Object.assign(stream, {
        state: message.state,
        reason: message.reason ?? "",
        since: message.time ?? this.now(),
      });
      this.tell("state", stream);
    },
    duty: (message) => {
      const stream = this.streams.get(message.source);
      if (!stream) return;
      stream.duty = { on: message.on, armed: message.armed, scheduled: message.scheduled };
      this.tell("state", stream);
    },
    overload: (message) => {
      this.run.overload = message.share ?? 1;
      this.tell("overload", message);
    },
    stats: (message) => {
      const before = this.stats;
      this.stats = message;
      this.tell("stats", { before, now: message });
    },
    recording: (message) => {
      this.run.recording = message.recording;
      this.tell("recording", message.recording);
    },
    teaching: (message) => {
      this.teaching = message.teaching;
      this.tell("teaching", message.teaching);
    },
    stored: (message) => this.tell("stored", message.id),
    why: (message) => this.tell("why", message),
    notice: (message) => this.tell("notice", message),
    bye: (message) => this.tell("bye", message.reason),
  };

  /** Take a stream's lanes; a lane that was there keeps what it showed. */
  #takeLanes(stream, before) {
    for (const info of stream.lanes) {
      const known = before.get(info.lane);
      this.lanes.set(info.lane, {
        info,
        stream: stream.name,
        latest: info.latest ?? null,
        history: info.history ?? known?.history ?? [],
      });
    }
  }

  #forget(history) {
    const oldest = this.now() - HISTORY_S;
    let gone = Math.max(0, history.length - HISTORY_POINTS);
    while (gone < history.length && history[gone].time < oldest) gone += 1;
    if (gone > 40) history.splice(0, gone);
  }

  lanesOf(name) {
    return this.streams.get(name).lanes.map((info) => this.lanes.get(info.lane));
  }
}

/** The lane that a result or an event is of. */
export function laneOf({ source, region }) {
  return region ? `${source}/${region}` : source;
}

export const store = new Store();
