import { engine, place, selector } from './queries';

/** A card that says itself where it belongs; every card, where the menus are on All: what it has no label for, that lets through. */
const own = selector(`model_name=~"$model", ${place}`);

/** An engine that died still names its card: what one looks for may be the fault that it died of. */
const ran = (extra?: string) => `last_over_time(${engine('vllm:num_requests_running', extra)}[1h])`;

const labelled = (series: string, target: string, source: string, pattern: string) =>
  `label_replace(${series}, "${target}", "$1", "${source}", "${pattern}")`;

/** The pod that uses a card stands under exported_… where the scrape kept the exporter's own in its place. */
const user = (series: string) =>
  labelled(labelled(series, 'pod', 'exported_pod', '(.+)'), 'namespace', 'exported_namespace', '(.+)');

const host = (series: string) => labelled(series, 'vllm_host', 'instance', '(\\\\[[^]]*\\\\]|[^:]*)(:[0-9]+)?');

/**
 * A figure of the cards that belong to what is chosen above. dcgm-exporter knows neither model nor environment, so it is
 * asked who uses the card, as the figures gpu_… of the data source do (pkg/figures/owners.go): the pod, else the host.
 */
export function cards(figure: (of: (metric: string) => string) => string): string {
  const inPod = 'pod!=""'; // else engines and cards outside Kubernetes would meet in having none
  return `(
    ${figure(own)}
    or on (instance, gpu, UUID) ${user(figure((metric) => metric))} and on (namespace, pod) ${ran(inPod)}
    or on (instance, gpu, UUID) ${host(figure((metric) => `${metric}{pod=""}`))} and on (vllm_host) ${host(ran())}
  )`;
}

/** The same sentence wherever cards are drawn. */
export const tie =
  'A GPU belongs to the engines in the pod that uses it. Outside Kubernetes, it belongs to the engines on its host. With all menus on All, the panel shows every GPU.';
