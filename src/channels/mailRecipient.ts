/** Longer than an excerpt, so that no half address is at its end. */
const MAX_LENGTH = 2_000;

/** The first letter and the domain: "a•••@example.com". */
export function maskedRecipient(address: string): string {
  return address.replace(/^(.).*@/u, '$1•••@');
}

/** "a•••@example.com and 2 more". @param addresses at least one */
export function maskedRecipients(addresses: readonly string[]): string {
  const [first = '', ...others] = addresses;
  return `${maskedRecipient(first)}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}

/** What a server says, with each address in it masked, and not longer than is ever kept of it. */
export function hideAddresses(text: string): string {
  return text.slice(0, MAX_LENGTH).replace(/[^\s<>"'(),;:@]+@[^\s<>"'(),;:@]+/g, maskedRecipient);
}
