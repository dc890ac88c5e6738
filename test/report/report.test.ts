import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { medianInterval, wilson } from '../../src/math/statistics.ts';
import { parseXml } from '../../src/model/xml.ts';
import { type BarRow, bars, histogram, intervalBars, placeMap, ticks } from '../../src/report/charts.ts';
import { duration, number, percent, percentInterval, plural, seconds } from '../../src/report/format.ts';
import { type Html, html } from '../../src/report/html.ts';
import { facts, page, panel, table } from '../../src/report/page.ts';

/** Rectangles of the drawn bars, by their height. */
const heights = (svg: Html): number[] =>
  [...svg.text.matchAll(/class="bar"[^>]* height="([\d.]+)"/g)].map((m) => Number(m[1]));

describe('html', () => {
  it('escapes text, keeps HTML, flattens lists and leaves null out', () => {
    const name = '<b>"A" & \'B\'</b>';
    assert.equal(
      html`<p title="${name}">${name}${null}${[1, html`<i>${'<'}</i>`]}</p>`.text,
      `<p title="${ESCAPED}">${ESCAPED}1<i>&#60;</i></p>`,
    );
  });

  const ESCAPED = '&#60;b&#62;&#34;A&#34; &#38; &#39;B&#39;&#60;/b&#62;';
});

describe('numbers for people', () => {
  it('per cent: whole, unless that would claim all or nothing', () => {
    assert.deepEqual([0, 0.5, 1, 0.996, 0.003, Number.NaN].map(percent), [
      '0 %',
      '50 %',
      '100 %',
      '99.6 %',
      '0.3 %',
      '–',
    ]);
    assert.equal(percentInterval(wilson(94, 100)), '88–97 %');
  });

  it('times, counts and what is unknown', () => {
    assert.deepEqual([3.146, 42.123, 3725, Number.NaN].map(seconds), ['3.15 s', '42.1 s', '1 h 02 min', '–']);
    assert.deepEqual([59.6, 61, 7265].map(duration), ['1 min 00 s', '1 min 01 s', '2 h 01 min']);
    assert.deepEqual(
      [1234567, 0.012345, Infinity, Number.NaN].map((v) => number(v)),
      ['1 234 567', '0.0123', '∞', '–'],
    );
    assert.equal(`${plural(1, 'episode')}, ${plural(2, 'episode')}`, '1 episode, 2 episodes');
  });
});

describe('charts', () => {
  it('tick marks are round and lie inside', () => {
    assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
    assert.deepEqual(ticks(-0.24, 0.12, 5), [-0.2, -0.1, 0, 0.1]);
    assert.deepEqual(ticks(3, 3, 5), [3]);
    for (const [low, high] of [
      [0, 7.3],
      [0.36, 0.64],
      [-5, 1200],
    ] as const) {
      const found = ticks(low, high, 6);
      assert.ok(found.length >= 2 && found.length <= 7, `${found}`);
      assert.ok(found[0]! >= low && found.at(-1)! <= high);
    }
  });

  it('a histogram draws every value once: the bars are as high as the counts', () => {
    const values = [0.1, 0.2, 3.25, 3.25, 3.4, 9.99];
    const drawn = histogram({ values, label: 's', median: medianInterval(values), max: 10 });
    const sum = heights(drawn).reduce((a, b) => a + b, 0);
    const most = Math.max(...heights(drawn));
    assert.ok(Math.abs(sum / most - values.length / 3) < 1e-9, `${heights(drawn)}`);
    assert.match(drawn.text, /median 3\.25 s/);
  });

  it('a map has one dot a success and one cross a failure, true to scale and with the robot’s left to the left', () => {
    const places = [
      { x: 0.4, y: 0.1, success: true, label: 'seed 1' },
      { x: 0.4, y: -0.1, success: true, label: 'seed 2' },
      { x: 0.6, y: 0, success: false, label: 'seed 3', href: '#seed-3' },
    ];
    const map = placeMap(places).text;
    const dots = [...map.matchAll(/<circle class="dot" cx="([\d.]+)" cy="([\d.]+)" r="5"><title>seed/g)];
    assert.equal(dots.length, 2);
    const [left, right] = dots.map((d) => Number(d[1])) as [number, number];
    assert.ok(left < right);
    const crosses = [...map.matchAll(/<a href="#seed-3"[^>]*><path class="cross" d="M([\d.]+) ([\d.]+)/g)];
    assert.equal(crosses.length, 1);
    // 0.2 m across and 0.2 m ahead are as long on the page, whose y points down.
    const up = Number(dots[0]![2]) - (Number(crosses[0]![2]) + 5);
    assert.ok(Math.abs(up - (right - left)) < 0.2, `${up} ${right - left}`);
  });

  it('interval bars span their intervals; bars are sorted and in proportion', () => {
    const svg = intervalBars([{ value: 0.5, low: 0.25, high: 0.75, goal: 0.9 }]).text;
    const band = /class="band" x="([\d.]+)" y="\d+" width="([\d.]+)"/.exec(svg)!;
    const rail = /class="rail" x="([\d.]+)" y="\d+" width="([\d.]+)"/.exec(svg)!;
    assert.ok(Math.abs(Number(band[2]) / Number(rail[2]) - 0.5) < 1e-9);
    assert.match(svg, /goal 90 %/);
    const rows: BarRow[] = [
      { name: 'b', value: 1, text: '1' },
      { name: 'a', value: 4, text: '4' },
    ];
    const widths = [...bars(rows, 'x').text.matchAll(/class="bar"[^>]* width="([\d.]+)"/g)].map((m) =>
      Number(m[1]),
    );
    assert.equal(widths[0]! / widths[1]!, 4);
  });

  it('every chart is well-formed, also of nothing', () => {
    for (const svg of [
      histogram({ values: [], label: 'nothing' }),
      histogram({ values: [2], label: 'one & all', median: medianInterval([2]) }),
      intervalBars([]),
      intervalBars([{ value: 1, low: 0.9, high: 1, label: '<A>' }]),
      placeMap([{ x: 0, y: 0, success: false, label: 'a' }]),
      bars([], 'none'),
    ]) {
      assert.equal(parseXml(svg.text, 'chart').name, 'svg');
      assert.doesNotMatch(svg.text, /NaN|Infinity|undefined/);
    }
  });
});

describe('page', () => {
  const text = page({
    kicker: 'Evaluation',
    title: '<script>alert(1)</script>',
    lead: 'lead',
    body: [
      panel('Table', '', table(['name', 'count'], [['a', 1]])),
      null,
      panel('Facts', html`<b>${'x'}</b>`, facts([['version', '1']])),
    ],
    footer: 'armloop',
  });

  it('holds everything in one file, and refuses what comes from elsewhere', () => {
    assert.match(text, /default-src 'none'/);
    assert.doesNotMatch(text, /(?:src|href)="(?!data:|#)/);
    assert.ok(!text.includes('<script'));
    assert.ok(text.includes('&#60;script&#62;'));
  });

  it('sets columns of numbers to the right', () => {
    assert.match(text, /<td class="number">1<\/td>/);
    assert.match(text, /<td class="">a<\/td>/);
  });
});
