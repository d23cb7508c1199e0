import ipaddr from 'ipaddr.js';
import { ConfigError } from '../../config.ts';
import type { ApiMiddleware } from '../context.ts';

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Believes X-Forwarded-* only from these proxies. Use it with `app.proxy = true`: what another peer says is
 * removed, and of a chain of hops the last one that is not ours remains.
 *
 * @param addresses or CIDR ranges, from TRUST_PROXY
 * @throws ConfigError when one of them is neither
 */
export function trustedProxies(addresses: readonly string[]): ApiMiddleware {
  const ranges = addresses.map(toRange);
  const isTrusted = (address: string): boolean => {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    return ranges.some((range) => parsed.kind() === range[0].kind() && parsed.match(range));
  };

  return async (context, next) => {
    const { headers } = context.req;
    if (isTrusted(context.req.socket.remoteAddress ?? '')) {
      const hops = context
        .get('X-Forwarded-For')
        .split(',')
        .map((hop) => hop.trim());
      const client = hops.findLast((hop) => !isTrusted(hop)) ?? hops[0] ?? '';
      if (ipaddr.isValid(client)) headers['x-forwarded-for'] = client;
      else delete headers['x-forwarded-for'];
    } else {
      delete headers['x-forwarded-for'];
      delete headers['x-forwarded-proto'];
      delete headers['x-forwarded-host'];
    }
    await next();
  };
}

function toRange(text: string): Range {
  try {
    if (text.includes('/')) return ipaddr.parseCIDR(text);
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch {
    throw new ConfigError(
      `TRUST_PROXY is not usable: "${text}" is neither an address nor a range such as 10.0.0.0/8.`,
    );
  }
}
