// docs/reasons.md as a page beside the explorer, which links to each reason: reasons.html#ID. No script runs in it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const source = join(import.meta.dirname, '../../../docs/reasons.md');

const CSS = `:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h4 { margin-bottom: 0; scroll-margin-top: 1rem; }
h4:target { background: light-dark(#d8e8fa, #1f3a56); }
`;

function inline(text) {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  return escaped.replaceAll(/`([^`]*)`/g, '<code>$1</code>');
}

/** Headings and paragraphs of Markdown as HTML; a heading's text is its id. */
export function reasonsHtml(markdown) {
  const blocks = markdown
    .replaceAll(/<!--[^]*?-->/g, '')
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block !== '');
  const body = blocks.map((block) => {
    const [, marks, title] = /^(#{1,4}) (.*)$/.exec(block) ?? [];
    if (marks === undefined) return `<p>${inline(block)}</p>`;
    const level = marks.length;
    return `<h${level}${level === 4 ? ` id="${inline(title)}"` : ''}>${inline(title)}</h${level}>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reasons - vmarea</title>
<link rel="stylesheet" href="./reasons.css">
</head>
<body>
<main>
${body.join('\n')}
</main>
</body>
</html>
`;
}

/** The plugin that writes the page. */
export function reasonsPage() {
  return {
    name: 'reasons-page',
    generateBundle() {
      const html = reasonsHtml(readFileSync(source, 'utf8'));
      this.emitFile({ type: 'asset', fileName: 'reasons.html', source: html });
      this.emitFile({ type: 'asset', fileName: 'reasons.css', source: CSS });
    },
  };
}
