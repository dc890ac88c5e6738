/** Where packets are built, one after the other, to be sent in one write. Allocates nothing after it was made. */
export class PacketBuffer {
  protected readonly buffer: Uint8Array;
  protected at = 0;
  /** What `bytes` gave last: packets of one kind mostly have one length. */
  #view: Uint8Array;

  /** `capacity` in bytes. */
  constructor(capacity: number) {
    this.buffer = new Uint8Array(capacity);
    this.#view = this.buffer;
  }

  get length(): number {
    return this.at;
  }

  /** The packets so far. The same memory each time: copy it to keep it. */
  get bytes(): Uint8Array {
    if (this.#view.length !== this.at) this.#view = this.buffer.subarray(0, this.at);
    return this.#view;
  }

  /** Forgets what was written. */
  clear(): this {
    this.at = 0;
    return this;
  }

  /** Throws a RangeError when so many more bytes do not fit. */
  protected room(bytes: number): void {
    if (this.at + bytes > this.buffer.length) throw new RangeError('the packet does not fit into the buffer');
  }
}
