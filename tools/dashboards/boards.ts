import { cache } from './boards/cache';
import { joinCoverage } from './boards/coverage';
import { decoding } from './boards/decoding';
import { disaggregation } from './boards/disaggregation';
import { fleet } from './boards/fleet';
import { gpus } from './boards/gpu';
import { health } from './boards/health';
import { logsAndErrors } from './boards/logs';
import { model } from './boards/model';
import { rag } from './boards/rag';
import { singleRequest } from './boards/request';
import { requestExplorer } from './boards/requests';
import { objectives } from './boards/slo';
import { tokens } from './boards/tokens';

/** Every dashboard, in the order in which people go through them. */
export const boards = [
  health,
  fleet,
  model,
  requestExplorer,
  singleRequest,
  objectives,
  cache,
  tokens,
  decoding,
  gpus,
  disaggregation,
  logsAndErrors,
  rag,
  joinCoverage,
];
