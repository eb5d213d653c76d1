/** What a test of the suite is: run on a fresh machine, where the driver's capabilities ask for it. */
import type { DriverCapabilities, MountOptions } from '@vmarea/vfs';
import type { Rig } from '../rig.ts';

/** One test. */
export interface Case {
  readonly title: string;
  /** Which drivers it is for; all when left out. */
  readonly when?: (can: DriverCapabilities) => boolean;
  readonly mount?: MountOptions;
  readonly run: (rig: Rig) => Promise<void>;
}
