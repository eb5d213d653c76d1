/**
 * What a command writes to and whether anybody looks at it; tests hand in their own.
 */
import picocolors from 'picocolors';

/** Colours, or functions that leave text as it is. */
export type Colors = ReturnType<typeof picocolors.createColors>;

/** Where output goes. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Bytes as they are; when left out they are decoded as UTF-8 and go where text goes. */
  outBytes?(bytes: Uint8Array): void;
  /** The standard error stream when it is a terminal: progress is drawn there. Null otherwise. */
  readonly terminal: NodeJS.WriteStream | null;
  readonly colors: Colors;
  /** Columns of the output. */
  readonly columns: number;
  /** The whole of standard input. */
  input(): AsyncIterable<string>;
}

/** A usage or input error: printed as it is, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The width to write for: that of the terminal; 100 where there is none, or where it reports 0 (script(1) does). */
export function columnsOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): number {
  const { columns = 0 } = stream;
  return stream.isTTY === true && columns > 0 ? columns : 100;
}

/** The process's own streams. Colours are off when standard output is no terminal, or NO_COLOR is set. */
export function processIo(): Io {
  const { stdout, stderr, stdin } = process;
  const color = stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  // A reader that stops early (head) is no error.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outBytes: (bytes) => void stdout.write(bytes),
    terminal: stderr.isTTY ? stderr : null,
    colors: picocolors.createColors(color),
    columns: columnsOf(stdout),
    input: () => stdin.setEncoding('utf8') as AsyncIterable<string>,
  };
}
