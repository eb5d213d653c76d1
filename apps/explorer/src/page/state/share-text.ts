/**
 * A view as text: the input, the moment, and what is set. It goes into the address behind #, which no server sees, or into a
 * file when it is too long for that.
 */
import type { InputFile, Settings } from '../../engine/protocol.ts';

/** Characters of an address that mail programs and chats carry whole. */
export const MOST_CHARACTERS = 8192;

/** All that is seen. */
export interface View {
  /** The name of a recording that comes with the page; empty when the files are the user's. */
  readonly recording: string;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly moment: number;
  readonly space: number;
  readonly query: string;
  readonly panel: string;
  readonly a: number;
  readonly b: number;
  readonly range: readonly [number, number];
  readonly zoom: readonly [number, number];
  readonly colouring: string;
  readonly settings: Settings;
  readonly tries: readonly string[];
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Bytes as the text that addresses allow. */
function base64url(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

/** A view for an address, without the #. */
export async function packView(view: View): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify({ version: 1, ...view }));
  return `view=${base64url(await through(bytes, new CompressionStream('deflate-raw')))}`;
}

/** Bytes that a shared view may have, unpacked. */
const MOST_BYTES = 2 ** 26;

function isPair(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'number');
}

/**
 * A view from its JSON.
 *
 * @throws Error for text that is none
 */
export function readView(text: string): View {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error('the shared view is damaged: it is not JSON');
  }
  const view = data as Partial<View> & { readonly version?: unknown };
  if (typeof data !== 'object' || data === null || view.version !== 1)
    throw new Error('the shared view is of another version of this page');
  const texts = [view.recording, view.query, view.panel, view.colouring];
  const numbers = [view.moment, view.space, view.a, view.b];
  const { files, settings, tries } = view;
  const good =
    texts.every((value) => typeof value === 'string') &&
    numbers.every((value) => Number.isSafeInteger(value)) &&
    isPair(view.range) &&
    isPair(view.zoom) &&
    Array.isArray(files) &&
    files.every(({ name, text: content }) => typeof name === 'string' && typeof content === 'string') &&
    typeof settings === 'object' &&
    Object.values(settings).every((value) => typeof value === 'string') &&
    Array.isArray(tries) &&
    tries.every((value) => typeof value === 'string');
  if (!good) throw new Error('the shared view is damaged: a part of it is missing');
  return view as View;
}

/** A view from an address; null when there is none in it. */
export async function unpackView(fragment: string): Promise<View | null> {
  const packed = /^#view=([A-Za-z0-9_-]+)$/.exec(fragment)?.[1];
  if (packed === undefined) return null;
  let bytes: Uint8Array;
  try {
    bytes = await through(fromBase64url(packed), new DecompressionStream('deflate-raw'));
  } catch {
    throw new Error('the shared view in the address is damaged or was cut off');
  }
  if (bytes.length > MOST_BYTES) throw new Error('the shared view in the address is too large');
  return readView(new TextDecoder().decode(bytes));
}

/** Files as text; what is packed with gzip is unpacked. */
export function asTexts(files: readonly InputFile[]): Promise<View['files']> {
  return Promise.all(
    files.map(async ({ name, bytes }) => {
      const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
      const plain = packed ? await through(bytes, new DecompressionStream('gzip')) : bytes;
      return { name: packed ? name.replace(/\.gz$/, '') : name, text: new TextDecoder().decode(plain) };
    }),
  );
}

/** The other way. */
export function asFiles(files: View['files']): InputFile[] {
  return files.map(({ name, text }) => ({ name, bytes: new TextEncoder().encode(text) }));
}
