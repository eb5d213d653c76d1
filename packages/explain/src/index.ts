/**
 * @vmarea/explain: explains why a call about mappings gave its result, and what would change it.
 *
 * Pass {@link explain} a function that makes machines, a situation and a script; {@link formatAnswer} formats the answer.
 */
export { askedSituation, explain, type Question } from './answer/explain.ts';
export { explainCall, type CallQuestion } from './answer/explain-call.ts';
export type {
  Answer,
  Check,
  Comparison,
  ComparisonCause,
  EarlierCall,
  Elsewhere,
  ExplainedChange,
  Refusal,
} from './answer/answer.ts';
export { formatAnswer, formatEvents, formatStatements, formatVerbose, skippedSentence } from './text/format.ts';
export { formatPicture, type PictureRow } from './answer/picture.ts';
export { parseRecorded, parseScript, type Call, type Recorded } from './input/script.ts';
export { readQuestion, type PastedQuestion, type Statement } from './paste/paste.ts';
export { evaluate, type Names } from './input/values.ts';
export { FailedResultError, ScriptError } from './input/error.ts';
export {
  argumentsOf,
  callNames,
  formatCall,
  formatOutcome,
  makeCall,
  type ArgumentKind,
  type Parameter,
} from './calls/verbs.ts';
export { openFiles, type StagedFile } from './stage/files.ts';
export { assumeFiles, type AssumedFiles } from './stage/assumed.ts';
export { filesOf, setStage, type MachineMaker, type MachineNeeds, type Setting, type Stage } from './stage/stage.ts';
export { ReasonBook, type Reason } from './answer/reason-book.ts';
export { Recorder, type TraceEvent } from './answer/recorder.ts';
export { neighboursIn, type NeighbourReason, type Neighbours } from './answer/neighbours.ts';
export { takeTour } from './tour/take.ts';
export { TourError, type TourOptions, type TourPlace, type TourStep } from './tour/tour.ts';
export { pageStates, type PageState } from './tour/page-state.ts';
