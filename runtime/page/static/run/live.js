// The one WebSocket: what is on screen goes up, pictures and messages come down.

import { store } from "./store.js";

const WAITS_S = [1, 2, 4, 7, 10];
const SILENCE_MS = 8000; // `stats` come once a second

class Live extends EventTarget {
  #socket = null;
  #tries = 0;
  #timer = 0;
  #silence = 0;
  #wanted = new Set();
  #sent = "";
  #queued = false;
  #decoding = new Map();
  state = "off"; // off, connecting, open, waiting, ended, refused

  start() {
    if (this.state === "off") this.#listen();
    this.#open();
  }

  #listen() {
    document.addEventListener("visibilitychange", () => this.#plan());
    addEventListener("online", () => this.retry());
  }

  retry() {
    if (this.state === "waiting") this.#open();
  }

  /** Ask for pictures until the signal aborts; returns how to ask for others. */
  watch(signal, wanted = {}) {
    const want = { small: [], large: [], why: [], ...wanted };
    this.#wanted.add(want);
    signal.addEventListener("abort", () => {
      this.#wanted.delete(want);
      this.#plan();
    });
    this.#plan();
    return (changed) => {
      Object.assign(want, changed);
      this.#plan();
    };
  }

  #set(state, detail = {}) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, ...detail } }));
  }

  #open() {
    clearTimeout(this.#timer);
    this.#set("connecting");
    const socket = new WebSocket(
      `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live`,
    );
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#sent = "";
    socket.onopen = () => this.#hear();
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#hear();
      if (typeof data === "string") this.#read(JSON.parse(data));
      else this.#readPicture(data);
    };
    socket.onclose = ({ code, reason }) => socket === this.#socket && this.#lost(code, reason);
  }

  /** A socket that says nothing is as good as closed: Wi-Fi that went away closes none. */
  #hear() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      const socket = this.#socket;
      this.#lost(0, "");
      socket?.close();
    }, SILENCE_MS);
  }

  #read(messages) {
    for (const message of messages) {
      store.take(message);
      if (message.type === "hello") {
        this.#tries = 0;
        this.#set("open");
        this.#send();
      } else if (message.type === "bye") this.#set("ended", { reason: message.reason });
    }
  }

  #lost(code, reason) {
    clearTimeout(this.#silence);
    this.#socket = null;
    if (code === 1008) {
      this.#set("refused");
      return;
    }
    const wait = WAITS_S[Math.min(this.#tries, WAITS_S.length - 1)];
    this.#tries += 1;
    const ended = this.state === "ended";
    this.#set("waiting", { seconds: wait, ended, reason, tries: this.#tries });
    this.#timer = setTimeout(() => this.#open(), wait * 1000);
  }

  /** Say what is on screen once for all changes of a moment. */
  #plan() {
    if (this.#queued) return;
    this.#queued = true;
    setTimeout(() => {
      this.#queued = false;
      this.#send();
    }, 0);
  }

  #send() {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.state !== "open") return;
    const all = (kind) =>
      document.hidden ? [] : [...new Set([...this.#wanted].flatMap((want) => want[kind]))];
    const message = JSON.stringify({
      type: "watch",
      small: all("small"),
      large: all("large"),
      why: all("why"),
    });
    if (message === this.#sent) return;
    this.#sent = message;
    this.#socket.send(message);
  }

  #readPicture(data) {
    const length = new DataView(data).getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const topic = header.type === "strip" ? `strip ${header.lane}` : `picture ${header.stream}`;
    this.#decode(
      topic,
      header,
      new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }),
    );
  }

  /** Decode one picture of a kind at a time, and of those that wait the newest. */
  async #decode(topic, header, blob) {
    const key = `${topic} ${header.size}`;
    if (this.#decoding.has(key)) {
      this.#decoding.set(key, { header, blob });
      return;
    }
    this.#decoding.set(key, null);
    try {
      const bitmap = await createImageBitmap(blob);
      this.dispatchEvent(new CustomEvent(topic, { detail: { header, bitmap } }));
      bitmap.close(); // listeners have drawn it
    } catch {
      // a picture that cannot be decoded: the next one comes
    }
    const waiting = this.#decoding.get(key);
    this.#decoding.delete(key);
    if (waiting) this.#decode(topic, waiting.header, waiting.blob);
  }

  /** Draw pictures as they come, until the signal aborts. */
  onPicture(topic, listener, signal) {
    this.addEventListener(topic, (event) => listener(event.detail), { signal });
  }
}

export const live = new Live();
