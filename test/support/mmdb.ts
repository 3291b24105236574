import ipaddr from 'ipaddr.js';

type Value = string | number | readonly Value[] | { readonly [name: string]: Value } | Encoded;

/** Readers insist on the width of what metadata hold. */
class Encoded {
  readonly bytes: Buffer;

  constructor(type: number, size: number, value: number) {
    const bytes = Buffer.alloc(size);
    bytes.writeUIntBE(value, Math.max(0, size - 6), Math.min(size, 6));
    this.bytes = Buffer.concat([control(type, size), bytes]);
  }
}

const uint16 = (value: number): Encoded => new Encoded(5, 2, value);
const uint32 = (value: number): Encoded => new Encoded(6, 4, value);
const uint64 = (value: number): Encoded => new Encoded(9, 8, value);

export interface MmdbContent {
  readonly type?: string;
  readonly ipVersion?: 4 | 6;
  readonly builtAt?: Date;
  /** A record for each CIDR; those of IPv4 stand where databases of both families have them. */
  readonly networks: Readonly<Record<string, Value>>;
}

const MARKER = Buffer.from('\xAB\xCD\xEFMaxMind.com', 'latin1');
const SEPARATOR_BYTES = 16;

/** A child of a node: another node, the offset of a record, or nothing. */
type Child = Node | number | undefined;
interface Node {
  readonly children: [Child, Child];
}

/** The bytes of a small database, as the description of the MaxMind DB file format 2.0 has it. */
export function mmdbOf({ type = 'Test', ipVersion = 6, builtAt, networks }: MmdbContent): Buffer {
  const root: Node = { children: [undefined, undefined] };
  const records: Buffer[] = [];
  let size = 0;
  for (const [cidr, record] of Object.entries(networks)) {
    const bits = bitsOf(cidr, ipVersion);
    const last = bits.pop() ?? 0;
    let node = root;
    for (const bit of bits) {
      const child = node.children[bit as 0 | 1];
      node =
        typeof child === 'object'
          ? child
          : (node.children[bit as 0 | 1] = { children: [child, child] });
    }
    node.children[last as 0 | 1] = size;
    const bytes = encode(record);
    records.push(bytes);
    size += bytes.length;
  }
  const nodes = nodesUnder(root);
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.forEach(({ children }, index) => {
    children.forEach((child, side) => {
      const pointer =
        typeof child === 'object'
          ? nodes.indexOf(child)
          : nodes.length + (child === undefined ? 0 : SEPARATOR_BYTES + child);
      tree.writeUIntBE(pointer, index * 6 + side * 3, 3);
    });
  });
  const metadata = encode({
    binary_format_major_version: uint16(2),
    binary_format_minor_version: uint16(0),
    build_epoch: uint64(Math.floor((builtAt?.getTime() ?? Date.UTC(2026, 0, 2)) / 1000)),
    database_type: type,
    description: {},
    ip_version: uint16(ipVersion),
    languages: [],
    node_count: uint32(nodes.length),
    record_size: uint16(24),
  });
  return Buffer.concat([tree, Buffer.alloc(SEPARATOR_BYTES), ...records, MARKER, metadata]);
}

function bitsOf(cidr: string, ipVersion: 4 | 6): number[] {
  const [address, length] = ipaddr.parseCIDR(cidr);
  const bytes = address.toByteArray();
  const bits = bytes.flatMap((byte) => Array.from(byte.toString(2).padStart(8, '0'), Number));
  const own = bits.slice(0, length);
  return ipVersion === 6 && bytes.length === 4 ? [...Array<number>(96).fill(0), ...own] : own;
}

function nodesUnder(root: Node): Node[] {
  const found = [root];
  for (const { children } of found) {
    found.push(...children.filter((child): child is Node => typeof child === 'object'));
  }
  return found;
}

function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(2, bytes.length), bytes]);
  }
  if (value instanceof Encoded) {
    return value.bytes;
  }
  if (typeof value === 'number') {
    return encodeNumber(value);
  }
  if (Array.isArray(value)) {
    return Buffer.concat([control(11, value.length), ...value.map((item: Value) => encode(item))]);
  }
  const members = Object.entries(value as Readonly<Record<string, Value>>);
  return Buffer.concat([
    control(7, members.length),
    ...members.flatMap(([name, member]) => [encode(name), encode(member)]),
  ]);
}

function encodeNumber(value: number): Buffer {
  if (Number.isInteger(value) && value >= 0) {
    return uint32(value).bytes;
  }
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return Buffer.concat([control(3, 8), bytes]);
}

function control(type: number, size: number): Buffer {
  if (size >= 29 + 256) {
    throw new RangeError('too long for a test');
  }
  const first = (type > 7 ? 0 : type << 5) | Math.min(size, 29);
  const more = [...(type > 7 ? [type - 7] : []), ...(size >= 29 ? [size - 29] : [])];
  return Buffer.from([first, ...more]);
}
