/**
 * Who may talk to the server. By default it listens on loopback, and a page from elsewhere that the browser holds for
 * local (DNS rebinding) or that merely knows the port (cross-site requests and sockets) is refused by its Host and
 * Origin headers. On any other address a token is needed on top.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ArmloopError } from '../errors.ts';

export const LOOPBACK = ['127.0.0.1', '::1', 'localhost'] as const;
export const MIN_TOKEN = 16;
const COOKIE = 'armloop_token';

export interface AccessOptions {
  readonly host: string;
  readonly token: string | null;
}

export const isLoopback = (host: string): boolean => (LOOPBACK as readonly string[]).includes(host);

/** Throws SERVER_NEEDS_TOKEN when others could reach the server without one. */
export function checkExposure({ host, token }: AccessOptions): void {
  if (!isLoopback(host) && (token === null || token.length < MIN_TOKEN)) {
    throw new ArmloopError('SERVER_NEEDS_TOKEN', { host });
  }
}

export class Access {
  readonly #token: Buffer | null;
  readonly #hosts: ReadonlySet<string>;
  /** Behind a token on an open address the names of this machine are not known: any Host will do. */
  readonly #anyHost: boolean;

  constructor({ host, token }: AccessOptions, port: number) {
    this.#token = token === null ? null : Buffer.from(token);
    const names = ['127.0.0.1', '[::1]', 'localhost'];
    this.#hosts = new Set(
      names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])),
    );
    this.#anyHost = !isLoopback(host);
  }

  /** Throws HOST_REFUSED when Host or Origin are not ours. */
  checkAddress(headers: IncomingHttpHeaders): void {
    const host = headers.host?.toLowerCase() ?? '';
    if (host === '' || (!this.#anyHost && !this.#hosts.has(host))) {
      throw new ArmloopError('HOST_REFUSED', { header: 'Host', value: shown(host) });
    }
    // Browsers send Origin with every socket and every request that can change something; other programs send none.
    const { origin } = headers;
    if (origin === undefined) return;
    if (origin !== `http://${host}` && origin !== `https://${host}`) {
      throw new ArmloopError('HOST_REFUSED', { header: 'Origin', value: shown(origin) });
    }
  }

  /** Throws TOKEN_NEEDED. True when the token came in the address, so that a cookie should be set. */
  checkToken(headers: IncomingHttpHeaders, url: string): boolean {
    if (this.#token === null) return false;
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    const cookie = new RegExp(`(?:^|; *)${COOKIE}=([^;]*)`).exec(headers.cookie ?? '')?.[1];
    if (this.#matches(bearer) || this.#matches(cookie && decode(cookie))) return false;
    if (this.#matches(new URL(url, 'http://local').searchParams.get('token') ?? undefined)) return true;
    throw new ArmloopError('TOKEN_NEEDED', {});
  }

  /** Set-Cookie value that spares the token in later addresses. */
  cookie(): string {
    return `${COOKIE}=${encodeURIComponent(this.#token?.toString() ?? '')}; Path=/; HttpOnly; SameSite=Strict`;
  }

  #matches(given: string | undefined): boolean {
    if (given === undefined || this.#token === null) return false;
    const bytes = Buffer.from(given);
    return bytes.length === this.#token.length && timingSafeEqual(bytes, this.#token);
  }
}

const shown = (value: string): string => (value === '' ? '(none)' : value.slice(0, 100));

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
