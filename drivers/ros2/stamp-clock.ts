/**
 * Stamps of a ROS clock on the rig's clock, from messages that go one way. A message arrives after it was stamped, never
 * before: of all d = arrival − stamp the least ones are nearest to the clocks' difference, and it changes by the drift of
 * one clock against the other. So: the least d of each second, a straight line through those for the drift, and that line
 * laid under all of them (after the lower envelope of S. Moon, P. Skelly, D. Towsley, "Estimation and removal of clock skew
 * from network delay measurements", INFOCOM 1999). What remains is the least delay there is, which no one-way message tells.
 *
 * Stamps that cannot be are refused: older than one before, or behind by more than a delay may be. When all of them go on
 * from somewhere else (the clock was set, a simulation started anew) the map starts anew there; a mere delay never does
 * that, so data that is late stays late.
 */
export type Verdict = 'fresh' | 'early' | 'old' | 'stale' | 'ahead';

const WINDOW_S = 1;
const WINDOWS = 20;
/** The drift is estimated from so long a time on, s. */
const SPAN_S = 3;
const LARGEST_DRIFT = 1e-3;
/** A stamp that is further ahead than this of what the clock can show is not believed, s. */
const AHEAD_S = 0.05;
/**
 * When no message has come with less delay for so long, one has most likely come without any: before that (and for no longer
 * than the second time) stamps are taken but not believed. A program that starts is held up a lot.
 */
const SETTLE_S = 0.3;
const SETTLE_MOST_S = 3;
const BETTER_S = 0.001;
/** Messages in a row that go on from somewhere else, each within this of the last: the clock was set. */
const RUN = 10;
const RUN_S = 0.1;

interface Least {
  readonly window: number;
  readonly stamp: number;
  readonly d: number;
}

export class StampClock {
  /** Capture time of the last fresh stamp on the rig's clock, s. */
  time = Number.NEGATIVE_INFINITY;
  /** How often each was refused. */
  readonly refused: Record<'old' | 'stale' | 'ahead', number> = { old: 0, stale: 0, ahead: 0 };
  /** Called when the map starts anew with the step of the ROS clock, s. */
  onStep: ((seconds: number) => void) | null = null;
  readonly #staleS: number;
  #least: Least[] = [];
  #drift = 0;
  #last = Number.NEGATIVE_INFINITY;
  #run = { count: 0, stamp: 0, d: 0, least: { stamp: 0, d: 0 } };
  /** While the map is not settled: arrival of the first message and of the one with the least d, and that. */
  #settling: { first: number; since: number; d: number } | null = { first: Number.NaN, since: 0, d: 0 };

  constructor(staleS: number) {
    this.#staleS = staleS;
  }

  /** The next stamp is taken as it comes: nothing is known of what was meanwhile. */
  forget(): void {
    this.#least = [];
    this.#drift = 0;
    this.#last = Number.NEGATIVE_INFINITY;
    this.#run.count = 0;
    this.#settling = { first: Number.NaN, since: 0, d: 0 };
  }

  /** How much later than it could have arrived, s; 0 without a map. */
  delay(stamp: number, arrival: number): number {
    return this.#least.length === 0 ? 0 : arrival - stamp - this.#offset(stamp);
  }

  /** One message: when it was stamped (ROS clock) and when it came (rig clock), s. `early`: the map is not settled yet. */
  take(stamp: number, arrival: number): Verdict {
    const delay = this.delay(stamp, arrival);
    let verdict: 'fresh' | 'old' | 'stale' | 'ahead' = 'fresh';
    if (stamp <= this.#last) verdict = 'old';
    else if (delay > this.#staleS) verdict = 'stale';
    else if (delay < -AHEAD_S && this.#settling === null) verdict = 'ahead';
    // What came in another order is old, but not from another clock.
    const other = verdict === 'ahead' || (verdict === 'old' && delay > this.#staleS);
    if (verdict !== 'fresh' && !this.#wasSet(other, stamp, arrival)) {
      this.refused[verdict]++;
      return verdict;
    }
    this.#run.count = 0;
    this.#last = stamp;
    this.#add(stamp, arrival);
    if (!this.#settled(stamp, arrival)) return 'early';
    this.time = Math.max(this.time, Math.min(arrival, stamp + this.#offset(stamp)));
    return 'fresh';
  }

  #settled(stamp: number, arrival: number): boolean {
    const s = this.#settling;
    if (s === null) return true;
    const d = arrival - stamp;
    if (Number.isNaN(s.first)) s.first = arrival;
    if (s.first === arrival || d < s.d - BETTER_S) {
      s.since = arrival;
      s.d = d;
    }
    if (arrival - s.since < SETTLE_S && arrival - s.first < SETTLE_MOST_S) return false;
    this.#settling = null;
    return true;
  }

  /** Counts stamps that go on from somewhere else (`other`); true, and the map forgotten, when enough have come. */
  #wasSet(other: boolean, stamp: number, arrival: number): boolean {
    const run = this.#run;
    const d = arrival - stamp;
    const goesOn = run.count > 0 && stamp > run.stamp && Math.abs(d - run.d) < RUN_S;
    run.count = !other ? 0 : goesOn ? run.count + 1 : 1;
    run.stamp = stamp;
    run.d = d;
    if (run.count <= 1 || d < run.least.d) run.least = { stamp, d };
    if (run.count < RUN) return false;
    const step = -this.delay(stamp, arrival);
    this.forget();
    // The map is known from those that came in a row.
    this.#settling = null;
    this.#add(run.least.stamp, run.least.stamp + run.least.d);
    this.onStep?.(step);
    return true;
  }

  #add(stamp: number, arrival: number): void {
    const d = arrival - stamp;
    const window = Math.floor(arrival / WINDOW_S);
    const last = this.#least.at(-1);
    if (last === undefined || last.window !== window) {
      this.#least.push({ window, stamp, d });
      if (this.#least.length > WINDOWS) this.#least.shift();
    } else if (d - last.d <= this.#drift * (stamp - last.stamp)) {
      this.#least[this.#least.length - 1] = { window, stamp, d };
    } else return;
    this.#fit();
  }

  /** Least squares through the least of each second: d = a + drift · stamp. */
  #fit(): void {
    const least = this.#least;
    const origin = least[0]!;
    if (least.at(-1)!.stamp - origin.stamp < SPAN_S) return;
    let x = 0;
    let y = 0;
    for (const l of least) {
      x += (l.stamp - origin.stamp) / least.length;
      y += (l.d - origin.d) / least.length;
    }
    let xx = 0;
    let xy = 0;
    for (const l of least) {
      const dx = l.stamp - origin.stamp - x;
      xx += dx * dx;
      xy += dx * (l.d - origin.d - y);
    }
    if (Math.abs(xy / xx) <= LARGEST_DRIFT) this.#drift = xy / xx;
  }

  #offset(stamp: number): number {
    let offset = Number.POSITIVE_INFINITY;
    for (const l of this.#least) offset = Math.min(offset, l.d + this.#drift * (stamp - l.stamp));
    return offset;
  }
}
