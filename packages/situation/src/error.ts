/** Thrown for invalid input about a situation: the message names the place and the value. */
export class SituationError extends Error {
  override readonly name = 'SituationError';
}
