/** `armloop leader`: how far the leader of a running rig is from the arm, and letting it drive from a terminal. */
import type { Command } from 'commander';
import { positive, serverUrl } from './arguments.ts';
import { examples, print } from './common.ts';

interface LeaderOptions {
  readonly server: string;
  readonly token?: string;
  readonly engage?: true;
  readonly seconds?: number;
}

export function addLeader(program: Command): void {
  const command = program
    .command('leader')
    .summary('match the leader arm of the running rig, and let it drive')
    .description(
      'Says how far the leader is from the arm, axis by axis, until it agrees. With --engage it then drives (the arm ' +
        'moves!), as long as this command runs: it is the operator meanwhile, and Ctrl-C brings the arm to rest.',
    )
    .option('--engage', 'take control, and let the leader drive')
    .option('--seconds <s>', 'end after so many seconds', positive)
    .option('--server <url>', 'console of the rig', 'http://127.0.0.1:7411')
    .option('--token <token>', 'token of that server, when it needs one');
  examples(command, [
    ['armloop leader', 'move the leader until every axis agrees; Ctrl-C'],
    ['armloop leader --engage', 'the leader drives until Ctrl-C'],
  ]);
  command.action(async (options: LeaderOptions) => {
    const { leaderOnRig } = await import('./leader-rig.ts');
    const why = await leaderOnRig({
      server: serverUrl(options.server),
      token: options.token,
      drive: options.engage === true ? 'engage' : 'watch',
      seconds: options.seconds ?? Number.POSITIVE_INFINITY,
      say: print,
    });
    if (why === '') return;
    print(why);
    process.exitCode = 1;
  });
}
