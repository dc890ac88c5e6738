/**
 * The look of every report: the colours of the console, by role. One file, no fonts or scripts from elsewhere, light
 * and dark by what the reader's system asks for, and printable. Success and failure differ in shape, not colour alone.
 */
export const STYLE = `
:root {
  --bg: #f3f5f8; --surface: #ffffff; --sunken: #e9edf2; --line: #d9dfe7;
  --text: #18212c; --muted: #5a6675; --accent: #1d63d1; --accent-soft: #cfe0fa;
  --good: #16806a; --good-soft: #d5efe8; --bad: #c2410c; --bad-soft: #fbe5d8;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0e1217; --surface: #161b22; --sunken: #0b0f13; --line: #29313b;
    --text: #e4e9ef; --muted: #93a0b0; --accent: #6aa6ff; --accent-soft: #21385a;
    --good: #4cc3a5; --good-soft: #16352f; --bad: #f0955a; --bad-soft: #3d2517;
  }
}
* { box-sizing: border-box; }
html { font-size: 16px; }
body {
  margin: 0; background: var(--bg); color: var(--text); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 67rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1, h2, h3, p, dl, dd, figure { margin: 0; }
h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.01em; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 1.0625rem; font-weight: 650; margin-bottom: 0.25rem; }
h3 { font-size: 0.9375rem; font-weight: 600; }
a { color: var(--accent); text-underline-offset: 0.15em; }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: 0.8125rem; }
pre { margin: 0; padding: 0.875rem 1rem; border-radius: 0.5rem; background: var(--sunken); white-space: pre-wrap;
  overflow-wrap: anywhere; }
.lead, .verdict { text-wrap: pretty; }
.kicker { color: var(--muted); font-size: 0.875rem; margin-bottom: 0.375rem; }
.lead { color: var(--muted); margin-top: 0.375rem; max-width: 46rem; }
header { margin-bottom: 1.75rem; }
.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1.375rem 1.5rem;
  margin-bottom: 1.25rem; break-inside: avoid; }
.panel > .lead { margin: 0 0 0.875rem; font-size: 0.875rem; }
.columns { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr));
  margin-bottom: 1.25rem; }
.columns > .panel { margin-bottom: 0; }
.muted { color: var(--muted); }
.good { color: var(--good); } .bad { color: var(--bad); }

.headline { display: grid; gap: 1.25rem 3rem; grid-template-columns: minmax(0, 1fr) minmax(0, 1.15fr); align-items: center; }
@media (max-width: 44rem) { .headline { grid-template-columns: 1fr; } }
.figure-large { font-size: 4rem; line-height: 1; font-weight: 650; letter-spacing: -0.03em; white-space: nowrap; }
.figure-large small { font-size: 0.5em; font-weight: 500; letter-spacing: 0; color: var(--muted); }
.verdict { font-size: 1.0625rem; margin-top: 0.5rem; }
.tiles { display: grid; gap: 1px; grid-template-columns: repeat(auto-fit, minmax(9.25rem, 1fr)); background: var(--line);
  border: 1px solid var(--line); border-radius: 0.75rem; overflow: hidden; margin-bottom: 1.25rem; }
.tile { background: var(--surface); padding: 1rem 1.25rem; }
.tile dt { color: var(--muted); font-size: 0.8125rem; }
.tile dd { font-size: 1.25rem; font-weight: 600; letter-spacing: -0.01em; white-space: nowrap; }
.tile dd + dd { font-size: 0.8125rem; font-weight: 400; letter-spacing: 0; color: var(--muted); white-space: normal; }

.scroll { overflow-x: auto; }
.scroll + dl.facts, pre + dl.facts { margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
th, td { text-align: left; padding: 0.4375rem 1rem 0.4375rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
tr:last-child > td { border-bottom: 0; }
th { color: var(--muted); font-weight: 500; font-size: 0.8125rem; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.375rem 1.25rem; font-size: 0.875rem; }
dl.facts dt { color: var(--muted); }
dl.facts dd { overflow-wrap: anywhere; }
@media (max-width: 44rem) { dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: 0.5rem; } }

.episode { padding: 1.125rem 0; border-bottom: 1px solid var(--line); break-inside: avoid; }
.episode:first-of-type { padding-top: 0.25rem; }
.episode:last-of-type { border-bottom: 0; padding-bottom: 0; }
.episode:target { background: var(--bad-soft); border-radius: 0.5rem; box-shadow: 0 0 0 0.625rem var(--bad-soft); }
.episode header { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: baseline; margin-bottom: 0.5rem; }
.episode header .muted { font-size: 0.8125rem; }
.episode img { display: block; width: 100%; height: auto; border-radius: 0.375rem; background: var(--sunken); }
.times { display: flex; color: var(--muted); font-size: 0.75rem; margin-top: 0.25rem; }
.times span { flex: 1; text-align: center; }
.chip { font-size: 0.8125rem; font-weight: 550; padding: 0.0625rem 0.5625rem; border-radius: 1rem; }
.chip.bad { background: var(--bad-soft); } .chip.good { background: var(--good-soft); }

svg { display: block; width: 100%; height: auto; overflow: visible; }
svg.bars { max-width: 34rem; }
summary { cursor: pointer; color: var(--accent); padding: 0.75rem 0 0.25rem; font-size: 0.875rem; }
svg.spread { width: 15rem; }
svg text { fill: var(--muted); font-size: 12px; }
svg .strong { fill: var(--text); font-weight: 600; }
svg .axis { stroke: var(--line); stroke-width: 1; fill: none; }
svg .grid { stroke: var(--line); stroke-width: 1; opacity: 0.6; }
svg .rail { fill: var(--sunken); }
svg .band { fill: var(--accent-soft); }
svg .bar { fill: var(--accent); }
svg .mark { stroke: var(--text); stroke-width: 2; }
svg .goal { stroke: var(--muted); stroke-width: 1.5; stroke-dasharray: 3 3; }
svg .dot { fill: var(--good); fill-opacity: 0.75; }
svg .cross { stroke: var(--bad); stroke-width: 2.25; stroke-linecap: round; fill: none; }
svg a:hover .cross, svg a:focus-visible .cross { stroke-width: 4; }
svg .area { fill: var(--sunken); stroke: var(--line); }
footer { color: var(--muted); font-size: 0.8125rem; margin-top: 2rem; }
@media print { body { background: none; } main { padding: 0; max-width: none; } .panel, .tiles { border-color: #bbb; } }
`;
