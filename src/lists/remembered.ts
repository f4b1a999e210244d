import { GetResource, Parameters } from './backend';

/** How long an answer is kept, in milliseconds. A menu that is opened twice must not cost two joins. */
const keptFor = 60_000;

/** How many answers are kept: enough for a page with many editors. */
const mostKept = 100;

/** Keeps each answer for a minute, for the menus of editors. A call that failed is made again. */
export function remember(getResource: GetResource, now = Date.now): GetResource {
  const kept = new Map<string, { until: number; answer: unknown }>();
  return async <Answer>(path: string, parameters: Parameters, signal?: AbortSignal): Promise<Answer> => {
    const key = JSON.stringify([path, { ...parameters, from: minute(parameters.from), to: minute(parameters.to) }]);
    const known = kept.get(key);
    if (known && known.until > now()) {
      return known.answer as Answer;
    }
    const answer = await getResource<Answer>(path, parameters, signal);
    kept.delete(key);
    kept.set(key, { until: now() + keptFor, answer });
    for (const oldest of kept.keys()) {
      if (kept.size <= mostKept) {
        break;
      }
      kept.delete(oldest);
    }
    return answer;
  };
}

/** The ends of a relative range move all the time, so two calls within one minute share an answer. */
function minute(time: Parameters[string]) {
  return typeof time === 'number' ? Math.floor(time / keptFor) : undefined;
}
