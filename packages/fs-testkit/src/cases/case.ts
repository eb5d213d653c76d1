/** A test of the suite: runs on a fresh machine, if the driver's capabilities require it. */
import type { DriverCapabilities, MountOptions } from '@vmarea/vfs';
import type { Rig } from '../rig.ts';

/** One test. */
export interface Case {
  readonly title: string;
  /** Selects the drivers that it is for; absent: all. */
  readonly when?: (can: DriverCapabilities) => boolean;
  readonly mount?: MountOptions;
  readonly run: (rig: Rig) => Promise<void>;
}
