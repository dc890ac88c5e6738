/**
 * A ROS 2 graph that is played in this process: topics and actions between its members, in real CDR bytes, copied on the way
 * and delivered later, never within the call. Quality of service matches as in DDS: a reliable reader hears no best-effort
 * writer. It stands for the network and the middleware; who the members are is up to the test.
 */
import assert from 'node:assert/strict';
import type {
  GoalEnd,
  Qos,
  RosActionClient,
  RosGoal,
  RosGraph,
  RosPublisher,
  RosResult,
  RosSubscription,
} from '../../drivers/ros2/graph.ts';
import type { Time } from '../../drivers/ros2/messages.ts';

interface Reader {
  readonly type: string;
  readonly qos: Qos;
  readonly take: (message: Uint8Array) => void;
}

/** The server's side of one goal. */
export interface ServedGoal {
  readonly goal: Uint8Array;
  end(how: GoalEnd, result: Uint8Array): void;
}

export interface ActionServer {
  readonly type: string;
  /** False refuses the goal. */
  accept(goal: ServedGoal): boolean;
}

/** What went over the graph, for tests to look at. */
export interface Traffic {
  readonly topic: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

export class PlayedGraph {
  /** Added to each delivery of a topic, ms: a number, or drawn anew. */
  delayMs: () => number = () => 0;
  /** Every message and goal, when it is not null. */
  traffic: Traffic[] | null = null;
  readonly #readers = new Map<string, Set<Reader>>();
  readonly #servers = new Map<string, ActionServer>();
  readonly #now: () => Time;

  /** `now`: the ROS clock of the members. */
  constructor(now: () => Time) {
    this.#now = now;
  }

  /** A new member. */
  join(): RosGraph {
    const closers: (() => void)[] = [];
    const readers = (topic: string, type: string, qos: Qos): Reader[] =>
      [...(this.#readers.get(topic) ?? [])].filter(
        (r) => r.type === type && (r.qos.reliability === 'bestEffort' || qos.reliability === 'reliable'),
      );
    return {
      now: this.#now,
      publisher: (type, topic, qos): RosPublisher => {
        let open = true;
        return {
          get readers() {
            return readers(topic, type, qos).length;
          },
          publish: (message) => {
            assert.ok(open, `${topic} is closed`);
            const bytes = Uint8Array.from(message);
            this.traffic?.push({ topic, type, bytes });
            this.#later(() => {
              for (const reader of readers(topic, type, qos)) reader.take(Uint8Array.from(bytes));
            });
          },
          close: () => {
            open = false;
          },
        };
      },
      subscribe: (type, topic, qos, take): RosSubscription => {
        const reader = { type, qos, take };
        const all = this.#readers.get(topic) ?? new Set();
        this.#readers.set(topic, all.add(reader));
        const close = (): void => {
          all.delete(reader);
        };
        closers.push(close);
        return { close };
      },
      actionClient: (type, name) => this.#client(type, name),
      [Symbol.asyncDispose]: async () => {
        for (const close of closers) close();
      },
    };
  }

  serve(name: string, server: ActionServer): () => void {
    this.#servers.set(name, server);
    return () => this.#servers.delete(name);
  }

  #client(type: string, name: string): RosActionClient {
    const server = (): ActionServer | null => {
      const found = this.#servers.get(name);
      return found?.type === type ? found : null;
    };
    return {
      ready: () => server() !== null,
      send: (message) => {
        const goal = Uint8Array.from(message);
        this.traffic?.push({ topic: name, type, bytes: goal });
        return new Promise<RosGoal | null>((answer) => {
          this.#later(() => {
            const found = server();
            // A server that is gone answers nothing.
            if (found === null) return;
            let end: (result: RosResult) => void = () => {};
            const result = new Promise<RosResult>((resolve) => {
              end = resolve;
            });
            const accepted = found.accept({
              goal,
              end: (how, bytes) => this.#later(() => end({ end: how, result: Uint8Array.from(bytes) })),
            });
            this.#later(() => answer(accepted ? { result } : null));
          });
        });
      },
      close: () => {},
    };
  }

  #later(work: () => void): void {
    const delay = this.delayMs();
    if (delay > 0) setTimeout(work, delay);
    else setImmediate(work);
  }
}
