/** The profile of a servo: where its goal is on the way there, in steps, at limited velocity and acceleration. */
export class ProfileTrack {
  position = 0;
  #velocity = 0;

  start(position: number): void {
    this.position = position;
    this.#velocity = 0;
  }

  /** Goes on by `dt` towards `goal`; 0 as velocity or acceleration means no limit. */
  step(dt: number, goal: number, velocity: number, acceleration: number): void {
    const way = goal - this.position;
    if (velocity === 0) {
      this.position = goal;
      this.#velocity = 0;
      return;
    }
    let wanted = Math.sign(way) * velocity;
    if (acceleration > 0) {
      const braking = Math.sqrt(2 * acceleration * Math.abs(way));
      wanted = Math.sign(way) * Math.min(velocity, braking);
      const most = acceleration * dt;
      wanted = this.#velocity + Math.min(Math.max(wanted - this.#velocity, -most), most);
    }
    this.#velocity = wanted;
    const step = wanted * dt;
    if (Math.sign(wanted) === Math.sign(way) && Math.abs(step) >= Math.abs(way)) this.start(goal);
    else this.position += step;
  }
}
