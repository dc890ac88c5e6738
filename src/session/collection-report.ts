/** The report of a collection: one HTML file. */
import { medianInterval } from '../math/statistics.ts';
import { bars, histogram, intervalBars } from '../report/charts.ts';
import { duration, number, percent, percentInterval, plural, seconds } from '../report/format.ts';
import { type Html, html } from '../report/html.ts';
import { columns, facts, headline, page, panel, table, tiles } from '../report/page.ts';
import type { AttemptFact, CollectionLimits, CollectionState, DriverChoice } from './collection.ts';

/** Rows of failures that are listed one by one. */
const LISTED = 60;

/** The document as text. */
export function collectionReport(state: CollectionState): string {
  const { plan, finished } = state;
  const when = plan.created.slice(0, 16).replace('T', ' ');
  return page({
    kicker: `Collection · ${plan.task}`,
    title: `${plural(plan.episodes, 'episode')} by ${driverText(plan.driver)}`,
    lead: html`“${plan.taskText}” on ${plan.robot.id}, ${plan.where === 'lockstep' ? 'in lockstep simulation' : 'in real time'}, begun ${when} UTC. ${stopText(state)}`,
    body: [
      head(state),
      figures(state),
      columns(times(finished), reasons(finished)),
      parameters(finished),
      failures(finished),
      origin(state),
    ],
    footer: `armloop ${plan.versions['armloop'] ?? ''} · collection ${plan.id}`,
  });
}

export function driverText(driver: DriverChoice): string {
  if (driver.kind === 'policy') return driver.name;
  if (driver.planner === 'mpc') return 'the planner (mpc)';
  return driver.disturb === 'push' ? 'the teacher, pushed' : 'the teacher';
}

/** Why it is where it is, as a sentence. */
export function stopText({ stopped, plan }: CollectionState): string {
  if (stopped === null) return `Running; armloop collect --resume ${plan.id} goes on if it does not.`;
  const text = `Stopped: ${stopped.text}.`;
  return stopped.why === 'done' ? text : `${text} armloop collect --resume ${plan.id} goes on.`;
}

function head({ totals }: CollectionState): Html {
  const { rate, interval, successes, attempts } = totals;
  if (attempts === 0) return panel('No attempt has ended yet', '');
  return headline({
    figure: percent(rate).replace(' %', ''),
    unit: '% success',
    verdict: `${successes} of ${plural(attempts, 'attempt')} succeeded. The true rate lies in ${percentInterval(interval)} with 95 % confidence.`,
    chart: intervalBars([{ value: rate, ...interval }]),
  });
}

function figures({ totals, plan, finished }: CollectionState): Html {
  const kept = finished.filter((f) => f.kept).length;
  const clean = finished.filter((f) => f.kept && f.flags.length === 0).length;
  return tiles([
    { name: 'episodes kept', value: number(kept), detail: `${clean} pass the quality gate` },
    {
      name: 'slots done',
      value: `${totals.slots} of ${plan.episodes}`,
      detail: `${plan.retries} retries each`,
    },
    {
      name: 'motion',
      value: duration(totals.hours * 3600),
      detail: plan.where === 'lockstep' ? 'simulated' : 'real time',
    },
    {
      name: 'on disk',
      value: megabytes(totals.bytes),
      detail: `${megabytes(totals.bytes / Math.max(1, kept))} each`,
    },
    { name: 'joint travel', value: `${number(totals.jointTravel)} rad`, detail: 'all joints together' },
    { name: 'gripper', value: number(totals.gripperCycles), detail: 'full cycles' },
  ]);
}

const megabytes = (bytes: number): string => `${number(bytes / 1e6)} MB`;

function times(finished: readonly AttemptFact[]): Html {
  const values = finished.flatMap((f) => (f.timeToSuccess === null ? [] : [f.timeToSuccess]));
  return panel(
    'Time to success',
    'Simulated seconds from the first command to the end of the success condition; shaded: 95 % interval of the median.',
    values.length === 0
      ? html`<p class="muted">No attempt succeeded.</p>`
      : histogram({ values, label: 'seconds', median: medianInterval(values) }),
  );
}

function reasons(finished: readonly AttemptFact[]): Html {
  const count = new Map<string, number>();
  for (const { reason } of finished) count.set(reason, (count.get(reason) ?? 0) + 1);
  const rows = [...count].map(([name, value]) => ({ name, value, text: number(value) }));
  return panel(
    'How attempts ended',
    'Each attempt ends for one reason.',
    rows.length === 0
      ? html`<p class="muted">None has ended yet.</p>`
      : bars(rows, 'attempts by reason of their end'),
  );
}

/** One small histogram per drawn number, failures marked below. */
function parameters(finished: readonly AttemptFact[]): Html | null {
  const names = [...new Set(finished.flatMap((f) => Object.keys(f.variation)))].sort();
  if (names.length === 0) return null;
  const rows = names.map((name) => {
    const drawn = finished.flatMap((f) =>
      f.variation[name] === undefined ? [] : [{ value: f.variation[name], success: f.success }],
    );
    const values = drawn.map((d) => d.value);
    return [
      name,
      spread(drawn),
      number(Math.min(...values)),
      number(Math.max(...values)),
      number(values.length),
    ];
  });
  return panel(
    'What was drawn',
    'Every number that was drawn for a scene or by the teacher, as a histogram over its range; crosses: attempts that failed.',
    table(['name', 'distribution', 'from', 'to', 'attempts'], rows),
  );
}

function spread(drawn: readonly { readonly value: number; readonly success: boolean }[]): Html {
  const [width, height, bins] = [240, 26, 24];
  const low = Math.min(...drawn.map((d) => d.value));
  const range = Math.max(1e-12, Math.max(...drawn.map((d) => d.value)) - low);
  const counts = new Array<number>(bins).fill(0);
  for (const { value } of drawn) counts[Math.min(bins - 1, Math.floor(((value - low) / range) * bins))]! += 1;
  const most = Math.max(1, ...counts);
  const columns = counts.map((c, i) => {
    const tall = (c / most) * height;
    const x = (i * width) / bins;
    return c === 0
      ? null
      : html`<rect class="bar" x="${x + 0.5}" y="${round(height - tall)}" width="${width / bins - 1}" height="${round(tall)}"/>`;
  });
  const crosses = drawn
    .filter((d) => !d.success)
    .map((d) => {
      const x = round(((d.value - low) / range) * width);
      return html`<path class="cross" d="M${x - 2.5} ${height + 4}l5 5m0 -5l-5 5"/>`;
    });
  const failed = crosses.length;
  return html`<svg class="spread" viewBox="-4 0 ${width + 8} ${height + 11}" role="img" aria-label="histogram of ${drawn.length} values, ${failed} of failed attempts">${columns}${crosses}</svg>`;
}

const round = (v: number): number => Math.round(v * 10) / 10;

function failures(finished: readonly AttemptFact[]): Html | null {
  const failed = finished.filter((f) => !f.success);
  if (failed.length === 0) return null;
  const rows = failed
    .slice(0, LISTED)
    .map((f) => [
      f.recorded ?? f.episode,
      f.seed,
      f.reason + (f.fault.length > 0 ? `: ${f.fault.join(', ')}` : ''),
      seconds(f.seconds),
      f.kept ? 'kept' : f.bytes > 0 ? 'in the trash' : 'not recorded',
    ]);
  const lead =
    failed.length > LISTED
      ? `The first ${LISTED} of ${failed.length}.`
      : 'Labelled as failures in their episodes.';
  return panel('Failures', lead, table(['episode', 'seed', 'why', 'length', 'recording'], rows));
}

function origin({ plan }: CollectionState): Html {
  return panel(
    'How it was made',
    plan.where === 'lockstep'
      ? 'The same plan gives the same episodes to the byte, on any number of workers.'
      : 'In real time: the same scenes, never the same bytes.',
    facts([
      ['robot', `${plan.robot.id}, ${plan.robot.file}`],
      ['robot file SHA-256', html`<code>${plan.robot.sha256 || 'that of the rig'}</code>`],
      [
        'driver',
        plan.driver.kind === 'policy'
          ? `${plan.driver.name}, ${plan.driver.bundle}`
          : driverText(plan.driver),
      ],
      ['cameras', plan.cameras.join(', ') || 'none'],
      ['varies', plan.vary],
      ['seeds', `${plan.seed} to ${plan.seed + plan.episodes - 1}`],
      ['limits', limitsText(plan.limits)],
      [
        'versions',
        Object.entries(plan.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ],
    ]),
  );
}

function limitsText(limits: CollectionLimits): string {
  const names = {
    hours: 'h of motion',
    diskBytes: 'bytes',
    failuresInRow: 'failures in a row',
    guardStops: 'guard stops',
    jointTravel: 'rad of joint travel',
    gripperCycles: 'gripper cycles',
  } as const;
  const set = Object.entries(names).flatMap(([key, name]) => {
    const value = limits[key as keyof CollectionLimits];
    return value === null ? [] : [`${number(value)} ${name}`];
  });
  return set.join(', ') || 'none';
}
