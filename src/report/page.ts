/** The shell of a report and the blocks that it is made of. A report is one file: style, charts and pictures inside. */
import { Html, html } from './html.ts';
import { STYLE } from './style.ts';

export interface PageParts {
  /** What kind of report this is, above the title. */
  readonly kicker: string;
  readonly title: string;
  readonly lead: Html | string;
  readonly body: readonly (Html | null)[];
  readonly footer: string;
}

/** The whole document as text. */
export function page({ kicker, title, lead, body, footer }: PageParts): string {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
<header>
<p class="kicker">${kicker}</p>
<h1>${title}</h1>
<p class="lead">${lead}</p>
</header>
${body}
<footer>${footer}</footer>
</main>
</body>
</html>
`;
  return document.text;
}

export function panel(title: string, lead: Html | string, ...content: readonly (Html | null)[]): Html {
  const under = lead === '' ? null : html`<p class="lead">${lead}</p>`;
  return html`<section class="panel"><h2>${title}</h2>${under}${content}</section>\n`;
}

/** Panels side by side where there is room. */
export function columns(...panels: readonly (Html | null)[]): Html {
  return html`<div class="columns">${panels}</div>\n`;
}

export interface Headline {
  /** The figure, and what is small behind it. */
  readonly figure: string;
  readonly unit: string;
  readonly verdict: Html | string;
  readonly chart: Html;
}

/** The one result of the report. */
export function headline({ figure, unit, verdict, chart }: Headline): Html {
  return html`<section class="panel headline">
<div><p class="figure-large">${figure}<small> ${unit}</small></p><p class="verdict">${verdict}</p></div>
<div>${chart}</div>
</section>\n`;
}

export interface Tile {
  readonly name: string;
  readonly value: string;
  readonly detail?: string;
}

export function tiles(list: readonly Tile[]): Html {
  const one = (t: Tile): Html =>
    html`<div class="tile"><dt>${t.name}</dt><dd>${t.value}</dd>${t.detail === undefined ? null : html`<dd>${t.detail}</dd>`}</div>`;
  return html`<dl class="tiles">${list.map(one)}</dl>\n`;
}

type Cell = Html | string | number;

/** Columns in which every cell is a number are set to the right. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  const right = header.map((_, i) => rows.length > 0 && rows.every((r) => typeof r[i] === 'number'));
  const name = (i: number): string => (right[i] ? 'number' : '');
  const head = header.map((h, i) => html`<th scope="col" class="${name(i)}">${h}</th>`);
  const line = (row: readonly Cell[]): Html =>
    html`<tr>${row.map((c, i) => html`<td class="${name(i)}">${c}</td>`)}</tr>\n`;
  return html`<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.map(line)}</tbody></table></div>`;
}

/** Names and values, one pair a line. */
export function facts(pairs: readonly (readonly [string, Cell])[]): Html {
  return html`<dl class="facts">${pairs.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}
