/**
 * Maps a device's clock to the host's from exchanges: the host stamps a question and its answer, the device stamps in
 * between. Of any exchange the device's stamp lies between the two, so its error is at most half the round trip; the
 * exchanges with the shortest round trips are kept (D. Mills, RFC 5905, clock filter).
 */
interface Exchange {
  readonly device: number;
  /** Host time in the middle of the exchange. */
  readonly host: number;
  readonly roundTrip: number;
}

/** Exchanges within this long (s) compete; one winner per window is kept. */
const WINDOW_S = 1;
const WINDOWS = 20;
/** The slope is estimated once the winners span this long (s); before, both clocks count as equally fast. */
const SLOPE_SPAN_S = 3;
/** No crystal is worse than this. */
const LARGEST_DRIFT = 1e-3;

export class ClockMap {
  #best: Exchange[] = [];
  #slope = 1;
  #anchor: Exchange | null = null;

  /** Takes one exchange: host time sent, device time between, host time received. All in seconds. */
  add(sent: number, device: number, received: number): void {
    const exchange = { device, host: (sent + received) / 2, roundTrip: received - sent };
    const last = this.#best.at(-1);
    if (last === undefined || Math.floor(last.host / WINDOW_S) !== Math.floor(exchange.host / WINDOW_S)) {
      this.#best.push(exchange);
      if (this.#best.length > WINDOWS) this.#best.shift();
    } else if (exchange.roundTrip <= last.roundTrip) {
      this.#best[this.#best.length - 1] = exchange;
    }
    this.#fit(exchange.host);
  }

  /** Half of the shortest round trip in use: the largest error at that exchange. Infinity before the first. */
  get uncertainty(): number {
    return this.#anchor === null ? Number.POSITIVE_INFINITY : this.#anchor.roundTrip / 2;
  }

  /** Host time of a device time. NaN before the first exchange. */
  toHost(device: number): number {
    const anchor = this.#anchor;
    return anchor === null ? Number.NaN : anchor.host + (device - anchor.device) * this.#slope;
  }

  #fit(now: number): void {
    let n = 0;
    let sumD = 0;
    let sumH = 0;
    const origin = this.#best[0]!;
    for (const e of this.#best) {
      n++;
      sumD += e.device - origin.device;
      sumH += e.host - origin.host;
    }
    const meanD = sumD / n;
    const meanH = sumH / n;
    if (this.#best.at(-1)!.host - origin.host >= SLOPE_SPAN_S) {
      let dd = 0;
      let dh = 0;
      for (const e of this.#best) {
        const d = e.device - origin.device - meanD;
        dd += d * d;
        dh += d * (e.host - origin.host - meanH);
      }
      const slope = dh / dd;
      if (Math.abs(slope - 1) <= LARGEST_DRIFT) this.#slope = slope;
    }
    // An old exchange may be off by the drift since then: its age counts against it.
    let anchor = origin;
    let score = Number.POSITIVE_INFINITY;
    for (const e of this.#best) {
      const s = e.roundTrip / 2 + (now - e.host) * 1e-4;
      if (s <= score) {
        anchor = e;
        score = s;
      }
    }
    this.#anchor = anchor;
  }
}
