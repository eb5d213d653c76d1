/**
 * @vmarea/fs-testkit: the suite that every filesystem driver must pass, and its wrappers.
 */
export { caseTitles, testDriver, type CaseReport, type Runner, type TestDriverOptions } from './test-driver.ts';
export { TIME_LIMITS, type TimeLimits } from './limits.ts';
export { delayDriver } from './delay.ts';
export { failDriver, FailurePlan } from './fail.ts';
export { Rig, type CreateDriver, type DriverInstance, type RigInit } from './rig.ts';
export { FIXTURE_FILES, pattern, patternByte } from './fixture.ts';
