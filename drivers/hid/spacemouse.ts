/**
 * Reports of 3Dconnexion's six-axis mice.
 *
 * Report 1: x, y, z; report 2: rotations about them; each three signed 16-bit numbers, low byte first, about ±350 at the
 * stop. Newer models send all six in report 1. Report 3: one bit per button. Axes are those of the HID Usage Tables 1.5,
 * 4.2: x left to right, y far to near, z high to low, rotations by the right-hand rule about each.
 *
 * Sources of numbers and layouts: PySpaceMouse, devices.toml (MIT); nytamin/spacemouse, products.ts and SpaceMouse.ts (MIT).
 */

const LOGITECH = 0x046d;
const CONNEXION = 0x256f;

/** Vendor × 65,536 + product → what it is. */
export const SPACEMICE: ReadonlyMap<number, string> = new Map(
  (
    [
      [LOGITECH, 0xc625, 'SpacePilot'],
      [LOGITECH, 0xc626, 'SpaceNavigator'],
      [LOGITECH, 0xc627, 'SpaceExplorer'],
      [LOGITECH, 0xc628, 'SpaceNavigator for Notebooks'],
      [LOGITECH, 0xc629, 'SpacePilot Pro'],
      [LOGITECH, 0xc62b, 'SpaceMouse Pro'],
      [CONNEXION, 0xc62e, 'SpaceMouse Wireless'],
      [CONNEXION, 0xc62f, 'SpaceMouse Wireless, by its receiver'],
      [CONNEXION, 0xc631, 'SpaceMouse Pro Wireless'],
      [CONNEXION, 0xc632, 'SpaceMouse Pro Wireless, by its receiver'],
      [CONNEXION, 0xc633, 'SpaceMouse Enterprise'],
      [CONNEXION, 0xc635, 'SpaceMouse Compact'],
      [CONNEXION, 0xc636, 'SpaceMouse Module'],
      [CONNEXION, 0xc638, 'SpaceMouse Pro Wireless'],
      [CONNEXION, 0xc63a, 'SpaceMouse Wireless'],
      [CONNEXION, 0xc641, 'SpaceMouse Module'],
      [CONNEXION, 0xc652, '3Dconnexion Universal Receiver'],
    ] as const
  ).map(([vendor, product, name]) => [vendor * 0x1_0000 + product, name]),
);

/** Counts at the stop of an axis. */
const FULL = 350;

export class SpaceMouseDecoder {
  /** x right, y near, z down, and rotations about them; -1..1. */
  readonly axes = new Float64Array(6);
  /** Bit i: button i. */
  buttons = 0;

  /** Takes a report. False, and nothing taken, for one that is none of these. */
  take(report: Uint8Array): boolean {
    const [id] = report;
    if (id === 1 && report.length >= 7) {
      this.#three(report, 1, 0);
      if (report.length >= 13) this.#three(report, 7, 3);
      return true;
    }
    if (id === 2 && report.length >= 7) {
      this.#three(report, 1, 3);
      return true;
    }
    if (id !== 3 || report.length < 2) return false;
    let buttons = 0;
    for (let i = Math.min(report.length - 1, 4); i >= 1; i--) buttons = (buttons << 8) | report[i]!;
    this.buttons = buttons;
    return true;
  }

  /** As if nobody touched it. */
  reset(): void {
    this.axes.fill(0);
    this.buttons = 0;
  }

  #three(report: Uint8Array, from: number, to: number): void {
    for (let i = 0; i < 3; i++) {
      const word = report[from + 2 * i]! | (report[from + 2 * i + 1]! << 8);
      const count = word > 0x7fff ? word - 0x1_0000 : word;
      this.axes[to + i] = Math.min(1, Math.max(-1, count / FULL));
    }
  }
}
