/** The leader arm: what the operator asks of it, and what its panel shows. */
import { post } from './api.ts';
import { Asking } from './asking.svelte.ts';
import { live } from './live.svelte.ts';
import { operator } from './operator.svelte.ts';

/** One axis that the leader drives. */
export interface LeaderGap {
  readonly name: string;
  readonly unit: 'rad' | 'm';
  /** What the leader asks for less where the arm is. */
  readonly gap: number;
  readonly tolerance: number;
  readonly apart: boolean;
}

class LeaderArm extends Asking {
  /** It drives, where it agrees with the arm. */
  engage(): Promise<boolean> {
    return this.ask('Letting the leader drive', (lease) => {
      operator.releaseKeys();
      return post('/api/leader/engage', { lease });
    });
  }

  release(): Promise<boolean> {
    return this.askNext('Taking the arm from the leader', (lease) => post('/api/leader/release', { lease }));
  }

  /** Of every axis that it drives, in their order. */
  get gaps(): readonly LeaderGap[] {
    const robot = live.hello?.robot;
    const leader = live.session?.leader;
    if (!robot || !leader) return [];
    const gaps = live.values('leader.gap');
    return robot.axes.flatMap(({ name, type }, i) => {
      const gap = gaps[i] ?? Number.NaN;
      if (Number.isNaN(gap)) return [];
      const prismatic = type === 'prismatic';
      const tolerance = (prismatic ? leader.triggerTolerance : leader.tolerance) ?? 0;
      return [
        { name, unit: prismatic ? 'm' : 'rad', gap, tolerance, apart: Math.abs(gap) > tolerance } as const,
      ];
    });
  }
}

export const leaderArm = new LeaderArm();
