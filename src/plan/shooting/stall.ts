/** Ends a solve that gets nowhere: converged when `patience` looks together gain less than `tolerance`, relative. */
export class Stall {
  readonly #tolerance: number;
  readonly #patience: number;
  #reference = 0;
  #looks = 0;

  constructor(tolerance: number, patience: number) {
    this.#tolerance = tolerance;
    this.#patience = patience;
  }

  begin(cost: number): void {
    this.#reference = cost;
    this.#looks = 0;
  }

  /** Looks at the cost of the plan, which never rises. */
  stalled(cost: number): boolean {
    const gain = this.#reference - cost;
    if (gain > this.#tolerance * Math.abs(this.#reference)) this.begin(cost);
    else this.#looks++;
    return this.#looks >= this.#patience && this.#tolerance > 0;
  }
}
