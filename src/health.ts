import { useEffect, useState } from 'react';
import { Subject } from 'rxjs';

/**
 * What Save & test found, on its way to the settings page. Grafana itself shows one line of a report, and drops its details
 * when all is well enough to work; the gaps that are left would never be seen.
 */
const reports = new Subject<{ uid: string; report: HealthReport | undefined }>();

export type FindingState = 'ok' | 'failed' | 'missing' | 'absent';

/** One line of the report: a store, or something that the stores should hold. */
export interface Finding {
  state: FindingState;
  found: string;
  fix?: string;
}

export interface HealthReport {
  stores: Finding[];
  content: Finding[];
}

/** Takes the details of a health answer of pkg/health (diagnosis.go), which come untyped. */
export function publishHealth(uid: string, details: unknown): void {
  reports.next({ uid, report: healthReport(details) });
}

/** The newest report since the component is there. */
export function useHealth(uid: string): HealthReport | undefined {
  const [report, setReport] = useState<HealthReport>();
  useEffect(() => {
    const subscription = reports.subscribe((published) => {
      if (published.uid === uid) {
        setReport(published.report);
      }
    });
    return () => subscription.unsubscribe();
  }, [uid]);
  return report;
}

/** Reads details; undefined when they are not such a report, as when the settings themselves are refused. */
export function healthReport(details: unknown): HealthReport | undefined {
  const stores = lines(details, 'stores').map((line) =>
    finding(line, line.configured === false ? 'absent' : line.ok === true ? 'ok' : 'failed')
  );
  const content = lines(details, 'content').map((line) => finding(line, line.ok === true ? 'ok' : 'missing'));
  return stores.some(({ state }) => state !== 'absent') ? { stores, content } : undefined;
}

type Line = Record<string, unknown>;

function finding({ found, fix }: Line, state: FindingState): Finding {
  return { state, found: String(found ?? ''), fix: typeof fix === 'string' ? fix : undefined };
}

function lines(details: unknown, key: string): Line[] {
  const list = isLine(details) ? details[key] : undefined;
  return Array.isArray(list) ? list.filter(isLine) : [];
}

function isLine(value: unknown): value is Line {
  return typeof value === 'object' && value !== null;
}
