import type { AddressGuard } from '../../net/addressGuard.ts';

/**
 * Judges an address that messages are to be posted to.
 *
 * @returns the type and the words of an issue; null where it may be contacted, and for what is no URL
 */
export function barredUrl(
  text: string,
  guard: AddressGuard,
): readonly [type: string, message: string] | null {
  const url = URL.parse(text);
  const barred = url === null ? null : guard.barredUrlReason(url);
  return barred === null ? null : ['url_barred', `URL should name a host that may be contacted: ${barred}`];
}
