/**
 * @vmarea/recordings: what real kernels answered, as data. The format of a recording and its reader, the index of calls and
 * answers, and the vectors that are cut from recordings. It decides nothing. Reading the files of the package is `./node`.
 */
export {
  parseRecording,
  splitSet,
  type Fault,
  type Header,
  type Op,
  type Recording,
  type RecordingText,
  type Ret,
  type SmapsVma,
} from './recording.ts';
export { indexOf, type CallIndexEntry, type RecordingsIndex, type SetEntry } from './call-index.ts';
export {
  vectorFile,
  vectorsOf,
  VECTOR_FORMAT,
  type Vector,
  type VectorCall,
  type VectorFileHeader,
  type VectorTag,
} from './vectors.ts';
