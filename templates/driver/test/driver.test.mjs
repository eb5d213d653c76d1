// The suite that every driver must pass, with Node's own runner. Vitest, Jest and Mocha work as well: hand in their functions.
import { describe, it } from 'node:test';
import { testDriver } from '@vmarea/fs-testkit';
import { RECORD_FS_MANIFEST, recordFs } from '../driver.mjs';

testDriver({
  name: 'recordfs',
  create: recordFs,
  capabilities: RECORD_FS_MANIFEST.capabilities,
  runner: { describe, it },
});
