/** A list of any length of which only the rows in sight are in the page: a listbox, by mouse and by keyboard. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Pixels of a row; the style sheet says the same. */
const ROW = 24;
/** Rows beyond those in sight. */
const MORE = 12;

export interface ListProps {
  readonly id: string;
  readonly label: string;
  readonly length: number;
  /** Index of the chosen row; -1 for none. */
  readonly chosen: number;
  readonly choose: (index: number) => void;
  /** The content of a row. */
  readonly row: (index: number) => ComponentChildren;
  /** More classes of a row. */
  readonly look?: (index: number) => string;
  /** Told which rows are in sight. */
  readonly sight?: (from: number, to: number) => void;
}

/** The index that a key leads to; -1 for other keys. */
function indexByKey(key: string, at: number, length: number, page: number): number {
  const to = (index: number): number => Math.max(0, Math.min(length - 1, index));
  switch (key) {
    case 'ArrowDown':
      return to(at + 1);
    case 'ArrowUp':
      return to(at < 0 ? 0 : at - 1);
    case 'PageDown':
      return to(at + page);
    case 'PageUp':
      return to(at - page);
    case 'Home':
      return to(0);
    case 'End':
      return to(length - 1);
    default:
      return -1;
  }
}

export function VirtualList({ id, label, length, chosen, choose, row, look, sight }: ListProps) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const from = Math.max(0, Math.floor(top / ROW) - MORE);
  const to = Math.min(length, Math.ceil((top + height) / ROW) + MORE);

  useLayoutEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current;
    if (element === null || chosen < 0) return;
    const at = chosen * ROW;
    if (at < element.scrollTop) element.scrollTop = at;
    else if (at + ROW > element.scrollTop + element.clientHeight) element.scrollTop = at + ROW - element.clientHeight;
  }, [chosen, length]);
  useEffect(() => sight?.(from, to), [from, to, length]);

  const rows: JSX.Element[] = [];
  const show = (i: number): void => {
    rows.push(
      <div
        key={i}
        id={`${id}-${i}`}
        role="option"
        aria-selected={i === chosen}
        aria-setsize={length}
        aria-posinset={i + 1}
        class={`row ${look?.(i) ?? ''}`}
        style={{ top: `${i * ROW}px` }}
        onClick={() => choose(i)}
      >
        {row(i)}
      </div>,
    );
  };
  for (let i = from; i < to; i++) show(i);
  // The chosen row stays in the page, so that it can be named as the active one.
  if (chosen >= 0 && chosen < length && (chosen < from || chosen >= to)) show(chosen);
  return (
    <div
      ref={box}
      class="list"
      role="listbox"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={chosen >= 0 && chosen < length ? `${id}-${chosen}` : undefined}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={(event) => {
        const index = indexByKey(event.key, chosen, length, Math.max(1, Math.floor(height / ROW) - 1));
        if (index < 0 || length === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        choose(index);
      }}
    >
      <div class="rows" style={{ height: `${length * ROW}px` }}>
        {rows}
      </div>
    </div>
  );
}
