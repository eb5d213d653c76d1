// @vmarea/mm-core/testing: doubles for every port of the engine, and validateMm. For tests; nothing in src/ may import it.
export { createTestArch, type TestArchOptions } from './test-arch.ts';
export { TestFile, TestInode, type TestFileInit } from './test-file.ts';
export {
  hugeVmOps,
  RecordingAudit,
  RecordingPerf,
  RecordingSecurity,
  RecordingUprobes,
  TestHugePages,
  TestSharedMemory,
  TestUserfaultContext,
} from './doubles.ts';
export { CountingTracer } from './recording-tracer.ts';
export { validateMm } from '../validate.ts';
