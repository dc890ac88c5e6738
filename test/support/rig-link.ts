/** A rig's socket, as a server has it. */
import { rigAddress } from '../../src/rig/address.ts';
import { type LinkEvents, RigLink } from '../../src/server/rig-link.ts';
import { until } from './sockets.ts';

/** Connects to the rig of a workspace; what is not listened to is passed over. */
export async function linkTo(
  workspace: string,
  id: string,
  heard: Partial<Omit<LinkEvents, 'state'>> = {},
): Promise<RigLink> {
  let up = false;
  const link = new RigLink(rigAddress(workspace, id), {
    session: () => {},
    live: () => {},
    frame: () => {},
    notice: () => {},
    ...heard,
    state: (connected) => {
      up = connected;
    },
  });
  try {
    await until('the rig answers', () => up);
    return link;
  } catch (error) {
    link.close();
    throw error;
  }
}
