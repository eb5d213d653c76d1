/** The worker, and a new one when it is lost. */
import * as Comlink from 'comlink';
import type { WorkerApi } from '../../engine/worker.ts';

/** A worker and what may be asked of it. */
export interface Link {
  readonly api: Comlink.Remote<WorkerApi>;
  /** Ends the worker. */
  close(): void;
}

/**
 * Starts a worker.
 *
 * @param lost is told when the worker dies of something that is no answer
 */
export function startWorker(lost: (message: string) => void): Link {
  const worker = new Worker(new URL('../../engine/worker.ts', import.meta.url), { type: 'module' });
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    lost(event.message === '' ? 'it could not be loaded' : event.message);
  });
  return { api: Comlink.wrap<WorkerApi>(worker), close: () => worker.terminate() };
}
