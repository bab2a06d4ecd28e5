import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** Just enough of DER (X.690) for a certificate (RFC 5280), so that tests need no other program for one. */
const der = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, Math.floor(length / 0x100), length % 0x100];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const integer = (bytes: Buffer): Buffer => der(0x02, bytes);
const text = (value: string): Buffer => der(0x0c, Buffer.from(value));
const bits = (bytes: Buffer): Buffer => der(0x03, Buffer.from([0]), bytes);
const time = (at: number): Buffer =>
  der(
    0x18,
    Buffer.from(
      `${new Date(at)
        .toISOString()
        .replaceAll(/[-:T]|\.\d+/g, '')
        .replace('Z', '')}Z`,
    ),
  );
const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part % 0x80];
    for (let left = Math.floor(part / 0x80); left > 0; left = Math.floor(left / 0x80))
      groups.unshift((left % 0x80) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
};

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const nameOf = (commonName: string): Buffer => sequence(der(0x31, sequence(oid('2.5.4.3'), text(commonName))));

const address = (ip: string): Buffer =>
  isIP(ip) === 4
    ? Buffer.from(ip.split('.').map(Number))
    : // The only IPv6 address that tests connect to.
      Buffer.from([...Array.from({ length: 15 }, () => 0), 1]);

const HOUR_MS = 3_600_000;

export interface CertificateOptions {
  /** Names and addresses that it is for; the first is its common name. */
  readonly names: readonly string[];
  /** Who signs it; itself unless given. */
  readonly by?: Certificate;
  /** It may sign others. */
  readonly ca?: boolean;
  /** ms from now; an hour ago and in an hour unless given. */
  readonly from?: number;
  readonly until?: number;
}

export interface Certificate {
  readonly name: string;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly signer: KeyObject;
}

const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${(bytes.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;

/** A certificate with a key of its own. */
export const makeCertificate = (options: CertificateOptions): Certificate => {
  const { names, by, ca = false, from = -HOUR_MS, until = HOUR_MS } = options;
  const [name = 'nobody'] = names;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const alternatives = names.map((one) => (isIP(one) === 0 ? der(0x82, Buffer.from(one)) : der(0x87, address(one))));
  const extensions = [
    sequence(
      oid('2.5.29.19'),
      der(0x01, Buffer.from([0xff])),
      der(0x04, sequence(...(ca ? [der(0x01, Buffer.from([0xff]))] : []))),
    ),
    sequence(oid('2.5.29.17'), der(0x04, sequence(...alternatives))),
  ];
  const now = Date.now();
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    nameOf(by?.name ?? name),
    sequence(time(now + from), time(now + until)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, by?.signer ?? privateKey);
  return {
    name,
    cert: pem('CERTIFICATE', sequence(body, ECDSA_SHA256, bits(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    signer: privateKey,
  };
};
