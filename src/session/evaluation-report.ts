/** The report of an evaluation: one HTML file with its pictures inside. */
import { medianInterval } from '../math/statistics.ts';
import { bars, histogram, intervalBars, type Place, placeMap } from '../report/charts.ts';
import { duration, number, percent, percentInterval, plural, seconds, UNKNOWN } from '../report/format.ts';
import { type Html, html } from '../report/html.ts';
import { columns, facts as factList, headline, page, panel, table, tiles } from '../report/page.ts';
import {
  type Contestant,
  causeText,
  compare,
  type EpisodeFact,
  type Evaluation,
  factsOf,
  type Result,
  reasonText,
  resultOf,
  STRIP,
  verdictText,
} from './evaluation.ts';
import { contractPanel } from './evaluation-contract.ts';
import { seedText } from './seeds.ts';

/** JPEG of a strip by its file name, or null when it is not there. */
export type StripReader = (file: string) => Uint8Array | null;

/** The document as text. `strip` gives the pictures that the facts name. */
export function evaluationReport(
  evaluation: Evaluation,
  facts: readonly EpisodeFact[],
  strip: StripReader,
): string {
  const { contestants } = evaluation;
  const results = contestants.map((c) => resultOf(c, facts));
  const names = contestants.map((c) => c.name).join(' against ');
  const count = plural(evaluation.seeds.length, 'seed');
  return page({
    kicker: `Evaluation · ${evaluation.task}${evaluation.images === 'other' ? ' · shown another episode’s pictures' : ''}`,
    title: names,
    lead: html`“${evaluation.taskText}” on ${count}, in lockstep simulation, ${evaluation.started.slice(0, 16).replace('T', ' ')} UTC. ${stateText(evaluation, facts)}`,
    body: [
      head(evaluation, results, facts),
      evaluation.images === 'other' ? otherImages() : null,
      ...contestants.flatMap((c, i) => outcome(evaluation, c, results[i]!, facts)),
      contestants.length === 2 ? differing(evaluation, facts) : null,
      failures(evaluation, facts, strip),
      ...contestants.map((c) => contractPanel(c)),
      origin(evaluation),
    ],
    footer: `armloop ${evaluation.versions['armloop'] ?? ''} · evaluation ${evaluation.id}`,
  });
}

function stateText(evaluation: Evaluation, facts: readonly EpisodeFact[]): string {
  if (evaluation.state === 'done') return '';
  const of = evaluation.seeds.length * evaluation.contestants.length;
  return `Not finished: ${facts.length} of ${plural(of, 'episode')}; armloop eval --resume ${evaluation.id} goes on.`;
}

function head(evaluation: Evaluation, results: readonly Result[], facts: readonly EpisodeFact[]): Html {
  const { goal } = evaluation;
  const rows = results.map((r) => ({
    value: r.rate,
    ...r.interval,
    ...(goal === null ? {} : { goal }),
    ...(results.length === 1 ? {} : { label: r.side }),
  }));
  const chart = intervalBars(rows);
  if (results.length === 2) {
    const [a, b] = results as [Result, Result];
    return headline({
      figure: `${percent(a.rate)} : ${percent(b.rate)}`,
      unit: '',
      verdict: verdictText(compare(facts), `A (${a.name})`, `B (${b.name})`),
      chart,
    });
  }
  const [r] = results as [Result];
  const said = `${r.successes} of ${r.episodes} succeeded. The true rate lies in ${percentInterval(r.interval)} with 95 % confidence.`;
  return headline({
    figure: percent(r.rate).replace(' %', ''),
    unit: '% success',
    verdict: html`${said}${goal === null ? null : html` ${goalText(r, goal)}`}`,
    chart,
  });
}

function goalText(r: Result, goal: number): Html {
  if (r.rate < goal) return html`<span class="bad">The goal of ${percent(goal)} is missed.</span>`;
  return html`<span class="good">The goal of ${percent(goal)} is reached.</span>`;
}

function otherImages(): Html {
  return panel(
    'A control, not a measure of skill',
    'The policy saw the camera pictures of another seed’s episode, at the same times after the start, while robot, scene and judge were those of its own seed. A policy that looks at the scene must fail here; one that still succeeds does not need its eyes.',
  );
}

function outcome(
  evaluation: Evaluation,
  contestant: Contestant,
  result: Result,
  all: readonly EpisodeFact[],
): Html[] {
  const facts = factsOf(contestant.side, all);
  const two = evaluation.contestants.length === 2;
  const title = (text: string): string => (two ? `${text} · ${contestant.side}` : text);
  const times = facts.filter((f) => f.success).map((f) => f.timeToSuccess!);
  const { median, low, high } = result.timeToSuccess;
  const known = (value: number | null): number => value ?? Number.NaN;
  const [most] = Object.entries(result.guard).sort(([, a], [, b]) => b.ticks - a.ticks);
  const where = places(facts);
  const figures = tiles([
    {
      name: 'median time',
      value: seconds(known(median)),
      detail:
        low === null
          ? 'to success; too few for an interval'
          : `to success; 95 %: ${low.toFixed(1)}–${seconds(known(high))}`,
    },
    {
      name: 'failures',
      value: number(result.episodes - result.successes),
      detail:
        Object.entries(result.failures)
          .map(([reason, n]) => `${n} ${reason}`)
          .join(', ') || 'none',
    },
    {
      name: 'guard',
      value: most === undefined ? percent(0) : percent(most[1].ticks / result.ticks),
      detail:
        most === undefined
          ? 'of commands changed'
          : `of commands changed: ${reasonText(most[0])}, the most frequent`,
    },
    ...chunkTiles(result),
    {
      name: 'simulated',
      value: duration(result.simulatedS),
      detail: plural(result.episodes, 'episode'),
    },
  ]);
  const time = panel(
    title('Time to success'),
    'Simulated seconds from the first command to the end of the success condition; shaded: 95 % interval of the median.',
    times.length === 0
      ? html`<p class="muted">No episode succeeded.</p>`
      : histogram({ values: times, label: 'seconds', median: medianInterval(times) }),
  );
  const map = panel(
    title('Where the object started'),
    where === null
      ? 'The start positions do not differ.'
      : `Seen from above: ${where.body}. Crosses lead to their pictures.`,
    where === null ? null : placeMap(where.places),
  );
  return [figures, columns(time, map), ...guardPanel(title, result)];
}

function chunkTiles(result: Result): { name: string; value: string; detail: string }[] {
  if (result.chunks === null) return [];
  const { made, refused, underruns } = result.chunks;
  return [
    { name: 'action chunks', value: number(made), detail: `${number(refused)} refused` },
    { name: 'underruns', value: number(underruns), detail: 'times that the arm ran out of actions' },
  ];
}

function guardPanel(title: (text: string) => string, result: Result): Html[] {
  const rows = Object.entries(result.guard);
  if (rows.length === 0) return [];
  const chart = bars(
    rows.map(([name, g]) => ({
      name: reasonText(name),
      value: g.ticks,
      text: `${number(g.ticks)} ticks in ${plural(g.episodes, 'episode')}`,
    })),
    'ticks in which the guard changed a command, by reason',
  );
  return [
    panel(
      title('Guard'),
      'Ticks in which the guard changed what the policy asked for, by reason. The start ramp is not counted.',
      chart,
    ),
  ];
}

/** The start positions of the body that is drawn anew most widely; null when none is. */
function places(facts: readonly EpisodeFact[]): { readonly body: string; readonly places: Place[] } | null {
  const names = new Set(facts.flatMap((f) => Object.keys(f.start)));
  let body = '';
  let widest = 1e-3;
  for (const name of names) {
    const xy = facts.flatMap((f) => (f.start[name] === undefined ? [] : [f.start[name]]));
    const spread = (i: 0 | 1): number => Math.max(...xy.map((p) => p[i])) - Math.min(...xy.map((p) => p[i]));
    if (Math.max(spread(0), spread(1)) > widest) {
      widest = Math.max(spread(0), spread(1));
      body = name;
    }
  }
  if (body === '') return null;
  const seen = facts.filter((f) => f.start[body] !== undefined);
  return {
    body,
    places: seen.map((f) => ({
      x: f.start[body]![0],
      y: f.start[body]![1],
      success: f.success,
      label: `seed ${f.seed}: ${f.success ? seconds(f.timeToSuccess!) : causeText(f)}`,
      ...(f.success ? {} : { href: `#${anchor(f)}` }),
    })),
  };
}

const anchor = (fact: EpisodeFact): string => `${fact.side.toLowerCase()}-seed-${fact.seed}`;

/** The seeds on which A and B came out differently. */
function differing(evaluation: Evaluation, facts: readonly EpisodeFact[]): Html {
  const b = new Map(factsOf('B', facts).map((f) => [f.seed, f]));
  const pairs = factsOf('A', facts).flatMap((a) => {
    const other = b.get(a.seed);
    return other === undefined ? [] : [{ a, b: other }];
  });
  const count = (x: boolean, y: boolean): number =>
    pairs.filter((p) => p.a.success === x && p.b.success === y).length;
  const seedsWhere = (x: boolean): string =>
    pairs
      .filter((p) => p.a.success === x && p.b.success !== x)
      .map((p) => p.a.seed)
      .join(', ') || 'none';
  const [a, other] = evaluation.contestants as readonly [Contestant, Contestant];
  return panel(
    'Seed by seed',
    `${plural(pairs.length, 'seed')} ran with both. Only those on which the two differ count for the exact test.`,
    table(
      ['', 'B succeeds', 'B fails'],
      [
        ['A succeeds', count(true, true), count(true, false)],
        ['A fails', count(false, true), count(false, false)],
      ],
    ),
    factList([
      [`only A (${a.name})`, seedsWhere(true)],
      [`only B (${other.name})`, seedsWhere(false)],
    ]),
  );
}

/** More failures than this are folded away; a link to one of them unfolds them. */
const OPEN_FAILURES = 12;

function failures(evaluation: Evaluation, facts: readonly EpisodeFact[], strip: StripReader): Html {
  const failed = evaluation.contestants.flatMap((c) => factsOf(c.side, facts).filter((f) => !f.success));
  const camera = evaluation.pictures;
  const lead =
    failed.length === 0
      ? 'None.'
      : `Each with the camera ${camera ?? UNKNOWN} over time, first frame to last${evaluation.images === 'other' ? ' (the scene as it was, not what the policy was shown)' : ''}.`;
  const shown = failed.slice(0, OPEN_FAILURES).map((f) => failure(evaluation, f, strip));
  const rest = failed.slice(OPEN_FAILURES).map((f) => failure(evaluation, f, strip));
  const folded =
    rest.length === 0
      ? null
      : html`<details><summary>${plural(rest.length, 'more failure')}</summary>${rest}</details>`;
  return panel('Failures', lead, ...shown, folded);
}

function failure(evaluation: Evaluation, fact: EpisodeFact, strip: StripReader): Html {
  const two = evaluation.contestants.length === 2;
  const jpeg = fact.strip === null ? null : strip(fact.strip.file);
  const left = Object.entries(fact.residuals).map(
    ([name, value]) =>
      `${name} ${number(Math.abs(value) < 5e-5 ? 0 : value, 2)} ${evaluation.units[name] ?? ''}`,
  );
  const more = [
    `after ${seconds(fact.seconds)}`,
    fact.imagesOf === fact.seed ? '' : `pictures of seed ${fact.imagesOf}`,
    ...left,
    refusedText(fact),
    fact.episode === null ? '' : `episode ${fact.episode}`,
  ];
  const picture =
    jpeg === null ? html`<p class="muted">no pictures</p>` : stripFigure(fact.seed, jpeg, fact.strip!.times);
  return html`<article class="episode" id="${anchor(fact)}"><header><h3>${two ? `${fact.side} · ` : ''}seed ${fact.seed}</h3>
<span class="chip bad">${causeText(fact)}</span><span class="muted">${more.filter((m) => m !== '').join(' · ')}</span></header>${picture}</article>\n`;
}

/** As wide as its pictures: all strips have pictures of one size. */
function stripFigure(seed: number, jpeg: Uint8Array, times: readonly number[]): Html {
  const width = Math.round((100 * times.length) / STRIP.count);
  return html`<figure style="width:${width}%"><img alt="seed ${seed} over time" src="data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}">
<div class="times">${times.map((t) => html`<span>${t.toFixed(1)} s</span>`)}</div></figure>`;
}

function refusedText({ chunks }: EpisodeFact): string {
  if (chunks === null || chunks.refused === 0) return '';
  return `${plural(chunks.refused, 'chunk')} refused, the last because ${chunks.problem}`;
}

function origin(evaluation: Evaluation): Html {
  const versions = Object.entries(evaluation.versions).map(([name, version]) => `${name} ${version}`);
  return panel(
    'How to do it again',
    'Same seeds, same robot file, same bundle and same versions give the same episodes, on any number of workers.',
    html`<pre>${reproduce(evaluation)}</pre>`,
    factList([
      ['robot', `${evaluation.robot.id}, SHA-256 ${evaluation.robot.sha256.slice(0, 16)}…`],
      ...evaluation.contestants.map(
        (c) =>
          [
            evaluation.contestants.length === 2 ? `policy ${c.side}` : 'policy',
            c.sha256 === ''
              ? c.name
              : `${c.name}, SHA-256 ${c.sha256.slice(0, 16)}…, chunks ${number(c.latencyMs)} ms after their observation`,
          ] as const,
      ),
      ['seeds', seedText(evaluation.seeds)],
      ['variation', evaluation.vary],
      ['time limit', seconds(evaluation.timeLimitS)],
      ['computing time', duration(evaluation.wallS)],
      ['versions', versions.join(', ')],
    ]),
  );
}

/** The command that runs this evaluation again. */
export function reproduce(evaluation: Evaluation): string {
  const [a, b] = evaluation.contestants;
  const named = (c: Contestant): string => c.bundle ?? '--teacher';
  const parts = [
    `armloop eval ${named(a!)}`,
    ...(b === undefined ? [] : [`--against ${named(b)}`]),
    `--robot ${evaluation.robot.file}`,
    `--task ${evaluation.task}`,
    `--seeds ${seedText(evaluation.seeds)}`,
    `--vary ${evaluation.vary}`,
    ...(evaluation.images === 'other' ? ['--images-from other'] : []),
    `--time-limit ${evaluation.timeLimitS}`,
  ];
  return parts.join(' ');
}
