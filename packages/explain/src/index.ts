/**
 * @vmarea/explain: why a call about mappings gave its answer, and what would change it.
 *
 * Give {@link explain} a function that makes machines, a situation and a script; {@link formatExplanation} prints it.
 */
export {
  explain,
  type Check,
  type Elsewhere,
  type ExplainedChange,
  type Explanation,
  type Question,
} from './explain.ts';
export { formatEvents, formatExplanation } from './format.ts';
export { evaluate, parseScript, ScriptError, type Call } from './script.ts';
export {
  argumentsOf,
  callNames,
  formatCall,
  formatOutcome,
  makeCall,
  type ArgumentKind,
  type Outcome,
  type Parameter,
} from './calls.ts';
export {
  DEFAULT_FILE,
  defaultSetup,
  parseFile,
  parseLimits,
  parsePageSize,
  parseProfile,
  parseRights,
  parseSize,
  parseSysctls,
  withHugePages,
  withMachine,
  withMeminfo,
  withSysctl,
  type FileKind,
  type FileSpec,
  type LimitSpec,
  type MachineSpec,
  type Setup,
} from './setup.ts';
export { setStage, type MachineMaker, type Stage } from './stage.ts';
export { ReasonBook, type DriverCatalogue, type Reason } from './reason-book.ts';
export { Recorder, type TraceEvent } from './recorder.ts';
export { neighboursIn, vmFlagNames, whyApart, type NeighbourReason, type Neighbours } from './neighbours.ts';
