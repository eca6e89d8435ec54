const number = new Intl.NumberFormat();
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** A number with its digits grouped. */
export const grouped = (value: number) => number.format(value);

/** "1 node", "2,000 nodes". */
export const counted = (value: number, one: string, many = one + "s") => `${number.format(value)} ${value === 1 ? one : many}`;

export const localTime = (at: string | number | Date) => dateTime.format(new Date(at));
export const clockTime = (at: string | number | Date) => hour.format(new Date(at));
export const utcTime = (at: string | number | Date) => new Date(at).toISOString().replace("T", " ").replace(/\.\d+Z$/, "") + " UTC";

const steps: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** "3 minutes ago", "in 2 days". */
export function ago(at: string | number | Date, now = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  for (const [unit, length] of steps) if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  return Math.abs(seconds) < 10 ? "just now" : relative.format(Math.trunc(seconds), "second");
}

/** Bytes as people say them. */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** Seconds as people say them: "15 s", "10 min", "1 h", "7 d". */
export function span(seconds: number): string {
  if (seconds % 86_400 === 0 && seconds > 0) return `${grouped(seconds / 86_400)} d`;
  if (seconds % 3_600 === 0 && seconds > 0) return `${grouped(seconds / 3_600)} h`;
  return seconds % 60 === 0 && seconds > 0 ? `${grouped(seconds / 60)} min` : `${grouped(seconds)} s`;
}

const platforms: Record<string, string> = { darwin: "macOS", linux: "Linux", windows: "Windows", freebsd: "FreeBSD" };

/** osquery's names of platforms as people know them. */
export const platformName = (platform: string) => platforms[platform] ?? platform;
