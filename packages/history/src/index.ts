// @vmarea/history: the history of all address spaces of a log, or of a series of maps, in typed arrays with keyframes: the areas of
// any moment within milliseconds, changes, figures over time, and the first moment that satisfies a condition.

export { HistoryRecorder, type OwnStep } from './recorder.ts';
export { History } from './history.ts';
export { historyOfMaps, splitSeries, type MapOfSeries, type SeriesPart } from './series.ts';
export { changesBetween } from './changes.ts';
export type { Area, Change, ChangeKind, Condition, Space, Step, StepKind, Stretch } from './types.ts';
