/** Input about a situation that cannot be taken: the message names the place and the value. */
export class SituationError extends Error {
  override readonly name = 'SituationError';
}
