/** The pages in memory, as a table: what the map draws of them at page zoom. */
import type { MapView, PageView } from '../../engine/protocol.ts';
import { bytes, hex } from '../../words.ts';

/** Rows of the table. */
const MOST = 200;

/** What a page is, in words; the map draws the letters. */
export const PAGE_SIGNS: readonly (readonly [sign: string, word: string, is: (page: PageView) => boolean])[] = [
  ['D', 'dirty', ({ dirty }) => dirty],
  ['S', 'shared', ({ shared }) => shared],
  ['C', 'copied', ({ copied }) => copied],
];

/** The letters of a page; a dot for one that is only present. */
export function signsOf(page: PageView): string {
  return PAGE_SIGNS.map(([sign, , is]) => (is(page) ? sign : '')).join('') || '•';
}

export function Pages({ view, pageSize }: { readonly view: MapView; readonly pageSize: number }) {
  const { pages } = view;
  if (pages === null || pages.length === 0) return null;
  return (
    <details>
      <summary>
        {pages.length} {pages.length === 1 ? 'page' : 'pages'} in memory, with their descriptors
      </summary>
      <div class="scroll" tabIndex={0} role="group" aria-label="Pages in memory">
        <table>
          <thead>
            <tr>
              <th scope="col">address</th>
              <th scope="col">frame</th>
              <th scope="col">it is</th>
              <th scope="col">descriptor</th>
              <th scope="col">its bits</th>
            </tr>
          </thead>
          <tbody>
            {pages.slice(0, MOST).map((page) => (
              <tr key={page.address}>
                <th scope="row">
                  {hex(page.address)}
                  {page.size > pageSize && ` (${bytes(page.size)})`}
                </th>
                <td>{hex(page.frame)}</td>
                <td>{['present', ...PAGE_SIGNS.filter(([, , is]) => is(page)).map(([, word]) => word)].join(', ')}</td>
                <td>
                  <code>{page.descriptor}</code>
                </td>
                <td>{page.bits.join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
