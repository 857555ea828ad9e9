// A verifier of licences that shares nothing with ours: Node's own crypto and the licensing contract, section 6.2.
// Usage: node license.mjs, with {keys: {kid: SPKI in base64}, tenant, now, tokens: [...]} as JSON on standard input. Prints one
// word for each token, in order, as a JSON array: "valid" or the reason.
import { createPublicKey, verify } from 'node:crypto';
import { text } from 'node:stream/consumers';

const request = JSON.parse(await text(process.stdin));
const keys = new Map(Object.entries(request.keys).map(([kid, spki]) => [kid, publicKey(spki)]));
const SKEW = 60;

function publicKey(spki) {
  return createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
}

// Strict base64url: no other character, no padding, no bit set that carries nothing. Buffer alone takes all of these.
function decode(part) {
  if (!/^[A-Za-z0-9_-]*$/.test(part)) return undefined;
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

// JSON.parse keeps the last of two members of one name and takes floats. So the text is compared with the compact form, in
// which neither can be: our signer writes nothing else. Members keep their order, unless a name is a number.
function object(bytes) {
  let source, value;
  try {
    source = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(source);
  } catch {
    return undefined;
  }
  const plain = value !== null && typeof value === 'object' && !Array.isArray(value);
  return plain && JSON.stringify(value) === source ? value : undefined;
}

function reason(token) {
  const parts = token.split('.');
  if (parts.length !== 3) return 'malformed';
  const header = decode(parts[0]) && object(decode(parts[0]));
  if (!header || Object.hasOwn(header, 'crit')) return 'malformed';
  const key = typeof header.kid === 'string' ? keys.get(header.kid) : undefined;
  if (!key) return 'unknown_kid';
  if (header.alg !== 'ES256') return 'bad_signature';
  const signature = decode(parts[2]);
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
  if (signature?.length !== 64) return 'bad_signature';
  if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) return 'bad_signature';
  const claims = decode(parts[1]) && object(decode(parts[1]));
  if (!claims || claims.iss !== 'nineminds-license') return 'malformed';
  if ('nbf' in claims && !(Number.isInteger(claims.nbf) && claims.nbf <= request.now + SKEW)) return 'malformed';
  if (!Number.isInteger(claims.exp)) return 'malformed';
  if (request.now >= claims.exp + SKEW) return 'expired';
  const filled = (value) => typeof value === 'string' && value !== '';
  if (!Number.isInteger(claims.iat) || claims.iat > request.now + SKEW) return 'malformed';
  if (!filled(claims.sub) || !filled(claims.cust)) return 'malformed';
  if (claims.tier !== 'pro' && claims.tier !== 'premium') return 'malformed';
  if ('seats' in claims && !(Number.isInteger(claims.seats) && claims.seats > 0)) return 'malformed';
  if (!('aud' in claims)) return 'unbound';
  if (typeof claims.aud !== 'string') return 'malformed';
  return claims.aud === request.tenant ? 'valid' : 'wrong_tenant';
}

console.log(JSON.stringify(request.tokens.map(reason)));
