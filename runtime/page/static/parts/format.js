// Numbers and times as people read them.

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

/** 0.914 is "91 %". */
export const percent = (share) => `${Math.round(share * 100)} %`;

/** Seconds since 1970 as the time on the wall. */
export const clock = (time) => CLOCK.format(new Date(time * 1000));

/** Seconds since 1970 as "today", "yesterday" or a date. */
export function day(time, now = Date.now()) {
  const start = new Date(now).setHours(0, 0, 0, 0);
  const days = Math.round((start - new Date(time * 1000).setHours(0, 0, 0, 0)) / 86_400_000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : DAY.format(new Date(time * 1000));
}

/** A length in seconds: "0.8 s", "12 s", "3 min 5 s", "2 h 10 min". */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  if (minutes < 60) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An age in milliseconds: "187 ms", "3.2 s". */
export const age = (milliseconds) =>
  milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : duration(milliseconds / 1000);

/** "7.8" or "25": a rate with no more digits than it is worth. */
export const rate = (each) =>
  each < 10 ? String(Math.round(each * 10) / 10) : String(Math.round(each));

export const count = (number, one, many = `${one}s`) =>
  `${number.toLocaleString()} ${number === 1 ? one : many}`;

/** A place in a video: "0:12.5", "1:02:03". */
export function place(seconds) {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  const [hours, minutes, rest] = [
    Math.floor(tenths / 36000),
    Math.floor(tenths / 600) % 60,
    tenths % 600,
  ];
  const tail =
    String(Math.floor(rest / 10)).padStart(2, "0") + (rest % 10 ? `.${rest % 10}` : "");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}
