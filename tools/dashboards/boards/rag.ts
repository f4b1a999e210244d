import { board } from '../kit/board';
import { look, unit, words } from '../kit/fields';
import { toRequest } from '../kit/links';
import { chart, stat, StatSpec, table } from '../kit/panels';
import { application, countOf, promql, quantileOf, requests, sumOf } from '../kit/queries';
import { requestColumns } from '../kit/shared';

const rate = (metric: string, extra?: string) => `rate(${application(metric, extra)}[$__rate_interval])`;
const quantile = (q: number, metric: string, by: string[] = []) => quantileOf(q, metric, rate, by);
const noApplication =
  'No RAG application is scraped here. Start the one of this repository (examples/rag-app) and have Prometheus scrape it.';
const fromApplication = { column: 'caller_service', op: '=~', value: '.*rag.*' } as const;
const slowest = words(`
  time request_id client_request_id model status caller_duration outside_engine e2e ttft queue prefill decode prompt_tokens completion_tokens
  waiting
`);

const figure = (spec: Omit<StatSpec, 'width' | 'height' | 'empty' | 'sparkline'>) =>
  stat({ ...spec, width: 6, height: 4, empty: 'Not running', sparkline: true, size: 36 });

export const rag = board({
  uid: 'vllm-rag',
  title: 'vLLM: RAG application',
  description:
    'A question from its arrival to its answer: embed, retrieve, generate, and what of that was vLLM. Reads examples/rag-app and the joined rows of its calls.',
  last: '30m',
  next: [
    ['Requests', 'vllm-requests'],
    ['Model', 'vllm-model'],
  ],
  panels: [
    figure({
      title: 'Questions',
      about: {
        shows: 'Questions answered per second, well or not.',
        bad: 'Zero while users ask: the application is down or blocked.',
        do: 'See its errors below, then its lines.',
      },
      ask: promql(`sum(${countOf('rag_request_duration_seconds', rate)})`),
      unit: unit.requestsPerSecond,
      decimals: 2,
    }),
    figure({
      title: 'Without an answer',
      about: {
        shows: 'Share of questions that failed.',
        bad: 'Above 1 %: users get no answer.',
        do: '“Errors by stage” says which part fails.',
      },
      ask: promql(
        `(sum(${rate('rag_errors_total')}) or 0 * sum(${countOf('rag_request_duration_seconds', rate)})) / (sum(${countOf('rag_request_duration_seconds', rate)}) > 0)`
      ),
      unit: unit.ratio,
      decimals: 2,
      steps: ['green', [0.01, 'orange'], [0.05, 'red']],
    }),
    figure({
      title: 'Question to answer, p95',
      about: {
        shows: 'From a question to the end of its answer: 95 of 100 are faster.',
        bad: 'Longer than people wait.',
        do: 'The stages below say where the time goes.',
      },
      ask: promql(quantile(0.95, 'rag_request_duration_seconds')),
      unit: unit.seconds,
    }),
    figure({
      title: 'In flight',
      about: {
        shows: 'Questions that are being answered now.',
        bad: 'Growing without end: answers take longer than questions come.',
        do: 'See waiting requests of the model.',
      },
      ask: promql(`sum(${application('rag_requests_in_flight')})`),
      unit: unit.none,
      decimals: 0,
    }),

    'Where the time goes',
    chart({
      title: 'Mean time by stage',
      about: {
        shows: 'Mean seconds per question in each stage, on top of each other.',
        bad: 'Embedding or retrieval that is visible beside generation.',
        do: 'Embedding: batch or cache it. Retrieval: look at the index. Generation: the panels beside.',
      },
      ask: promql(
        `sum by (stage) (${sumOf('rag_stage_duration_seconds', rate)}) / sum by (stage) (${countOf('rag_stage_duration_seconds', rate)})`,
        '{{stage}}'
      ),
      width: 8,
      height: 8,
      empty: noApplication,
      unit: unit.seconds,
      stacked: true,
    }),
    chart({
      title: 'First text, as the application sees it',
      about: {
        shows: 'From the call of vLLM to the first text of its answer, by model: what TTFT is plus network and client.',
        bad: 'Far above the model’s TTFT: time outside the engine.',
        do: 'Compare with “outside” of its calls below.',
      },
      ask: [0.5, 0.95].map((q) =>
        promql(quantile(q, 'rag_time_to_first_chunk_seconds', ['model']), `{{model}} p${q * 100}`)
      ),
      width: 8,
      height: 8,
      empty: noApplication,
      unit: unit.seconds,
      fill: 0,
    }),
    chart({
      title: 'Its calls: in vLLM and outside',
      about: {
        shows:
          'Each point is one call of a rag application: its time in the engine, and what network, router and client added.',
        bad: 'outside far from the ground: the engine is not to blame.',
        do: 'Click a point for the whole request, or sort the table below by outside.',
      },
      ask: requests({ sort: { column: 'e2e', desc: true }, limit: 2000, filters: [fromApplication] }),
      width: 8,
      height: 8,
      empty: 'No joined request came from a service called rag: it did not call, or its spans do not reach Jaeger.',
      unit: unit.seconds,
      style: 'points',
      fields: words('time request_id e2e outside_engine'),
      transformations: [{ id: 'sortBy', options: { fields: {}, sort: [{ field: 'time' }] } }],
      looks: [
        look('e2e', { name: 'in vLLM', points: 4, links: toRequest('__data.fields.request_id') }),
        look('outside_engine', { name: 'outside', points: 4, links: toRequest('__data.fields.request_id') }),
        look('time', { unit: 'time:MM-DD HH:mm' }),
      ],
    }),
    table({
      title: 'Its slowest calls',
      about: {
        shows:
          'The 20 slowest calls of a rag application: the caller’s time, what was outside the engine, and the phases within.',
        bad: 'A long outside: the network or the client. A long queue: too little capacity. A long prefill: a long context.',
        do: 'Click the id for the whole trace, from the question on.',
      },
      ask: requests({ sort: { column: 'caller_duration', desc: true }, limit: 20, filters: [fromApplication] }),
      width: 24,
      height: 8,
      empty: 'No joined request came from a service called rag: it did not call, or its spans do not reach Jaeger.',
      fields: slowest,
      looks: [...requestColumns(slowest), look('caller_duration', { name: 'caller saw', width: 92 })],
    }),

    'What was found',
    chart({
      title: 'Similarity of what was found',
      about: {
        shows: 'Cosine between a question and the nearest chunk: the median, and what one in twenty stays below.',
        bad: 'Falling: people ask what the index does not hold.',
        do: 'Add documents; look at the questions.',
      },
      ask: [0.05, 0.5].map((q) => promql(quantile(q, 'rag_retrieval_similarity'), `p${q * 100}`)),
      width: 8,
      height: 8,
      empty: noApplication,
      unit: unit.none,
      max: 1,
      fill: 0,
    }),
    chart({
      title: 'Chunks per question',
      about: {
        shows: 'Mean number of chunks that were similar enough to go into the prompt.',
        bad: 'Near zero: answers without sources. At the limit: prompts are as long as they can be.',
        do: 'Adjust the threshold or the number of chunks.',
      },
      ask: promql(
        `sum(${sumOf('rag_retrieved_documents', rate)}) / sum(${countOf('rag_retrieved_documents', rate)})`,
        'chunks'
      ),
      width: 8,
      height: 8,
      empty: noApplication,
      unit: unit.count,
    }),
    chart({
      title: 'Nothing found',
      about: {
        shows: 'Share of questions without a similar chunk. The prompt says so, and the answer should say so too.',
        bad: 'Above 10 % for long: people ask what the index does not hold.',
        do: 'Add documents, or lower RAG_MIN_SIMILARITY.',
      },
      ask: promql(
        `sum(${rate('rag_retrieved_documents_bucket', 'le="0.0"')}) / sum(${rate('rag_retrieved_documents_count')}) or histogram_fraction(-Inf, 0, sum(${rate('rag_retrieved_documents')}))`,
        'nothing found'
      ),
      width: 5,
      height: 8,
      empty: noApplication,
      unit: unit.ratio,
      max: 1,
    }),
    stat({
      title: 'Index',
      about: {
        shows: 'Pages that answers are taken from, and the chunks made of them; of several replicas the poorest.',
        bad: 'Fewer than before: pages are gone from the corpus, or replicas have different ones.',
        do: 'Compare RAG_CORPUS of the replicas; each builds its index when it starts.',
      },
      ask: [
        promql(`min(${application('rag_index_documents')})`, 'pages'),
        promql(`min(${application('rag_index_chunks')})`, 'chunks'),
      ],
      width: 3,
      height: 8,
      empty: 'Not running',
      unit: unit.none,
      decimals: 0,
      show: '/^(pages|chunks)$/',
      size: 28,
    }),

    'Answers',
    chart({
      title: 'Tokens',
      about: {
        shows: 'Tokens per second that vLLM reported to the application, in prompts and in answers.',
        bad: 'Input that grows without more questions: longer contexts.',
        do: 'Fewer or shorter chunks.',
      },
      ask: promql(`sum by (type) (${rate('rag_tokens_total')})`, '{{type}}'),
      width: 8,
      height: 8,
      empty: noApplication,
      unit: unit.tokensPerSecond,
    }),
    chart({
      title: 'Why answers end',
      about: {
        shows: 'Answers per second by the finish reason that vLLM gave.',
        bad: 'Much of length: answers are cut at RAG_MAX_TOKENS.',
        do: 'Raise RAG_MAX_TOKENS, or ask for shorter answers in the instructions.',
      },
      ask: promql(`sum by (finish_reason) (${rate('rag_answers_total')})`, '{{finish_reason}}'),
      width: 8,
      height: 8,
      empty: noApplication,
      unit: unit.requestsPerSecond,
      stacked: true,
    }),
    chart({
      title: 'Errors by stage',
      about: {
        shows:
          'Questions without an answer per second, by the stage that failed and how (a number is vLLM’s HTTP status), and askers that hung up. Nothing is drawn before the first.',
        bad: 'Any that lasts. generate: vLLM refuses or fails. Many that hang up: answers are too slow for people.',
        do: 'For generate see the failures among the requests; for the rest the application’s own lines.',
      },
      ask: [
        promql(`sum by (stage, type) (${rate('rag_errors_total')})`, '{{stage}}: {{type}}'),
        promql(
          `sum(${countOf('rag_request_duration_seconds', (metric) => rate(metric, 'outcome="aborted"'))})`,
          'hung up'
        ),
      ],
      width: 8,
      height: 8,
      empty: 'No question has failed since the application started; or none is scraped here (see the panels beside).',
      unit: unit.eventsPerSecond,
    }),
  ],
});
