/** What questions need, as one part: why, try, and the tours. One part, because all of them need `@vmarea/explain`. */
export { knownCalls, tryCalls } from '../try.ts';
export { makeTour } from '../tour.ts';
export { whyCall } from '../why.ts';
