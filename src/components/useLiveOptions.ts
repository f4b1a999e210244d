import { useCallback, useEffect, useRef, useState } from 'react';
import { isFetchError } from '@grafana/runtime';
import { ComboboxOption } from '@grafana/ui';

type Find = (signal: AbortSignal) => Promise<ComboboxOption[]>;

/**
 * Options for a menu that are found when it is opened. The menu itself can only say that something went wrong; problem says
 * what. Grafana's menus wait until typing pauses, and the search before is cancelled by the next, or when the editor goes.
 */
export function useLiveOptions(find: Find) {
  const [problem, setProblem] = useState<string>();
  const latest = useRef(find);
  const running = useRef<AbortController | null>(null);
  useEffect(() => {
    latest.current = find;
  });
  useEffect(() => () => running.current?.abort(), []);

  const options = useCallback(async (typed: string) => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    try {
      const found = await latest.current(controller.signal);
      setProblem(undefined);
      return found.filter((option) => says(option, typed));
    } catch (error) {
      if (!controller.signal.aborted) {
        setProblem(messageOf(error));
      }
      throw error;
    }
  }, []);

  return { options, problem };
}

/** Whether every word that was typed is in what the option shows. */
function says({ value, label, description }: ComboboxOption, typed: string): boolean {
  const shown = [value, label, description].join(' ').toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => shown.includes(word));
}

/** The backend's own words where it answered, else those of the browser. */
export function messageOf(error: unknown): string {
  if (isFetchError<{ error?: string; message?: string }>(error)) {
    return error.data?.error || error.data?.message || error.statusText || String(error.status);
  }
  return error instanceof Error ? error.message : String(error);
}
