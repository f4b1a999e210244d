const unitSeconds: Record<string, number> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86400,
  w: 604800,
};

/** Reads a duration as Go writes it (500ms, 1m30s) and gives seconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  return seconds(text, /(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h)/g);
}

/** Reads a step as Grafana's editors take it: a duration, also in days and weeks (1d). */
export function parseStep(text: string): number | undefined {
  return seconds(text, /(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h|d|w)/g);
}

function seconds(text: string, part: RegExp): number | undefined {
  const trimmed = text.trim();
  if (!trimmed || trimmed.replace(part, '') !== '') {
    return undefined;
  }
  let sum = 0;
  for (const [, amount, unit] of trimmed.matchAll(part)) {
    sum += Number(amount) * unitSeconds[unit];
  }
  return sum;
}

/** Writes seconds as people say them: 0.0021 is 2.1ms, 83.2 is 1m23s. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) {
    return `${Number((seconds * 1000).toPrecision(3))}ms`;
  }
  if (seconds < 59.95) {
    return `${Number(seconds.toPrecision(3))}s`;
  }
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}m${whole % 60}s`;
}
