/* Checks proofs of a cqo-ledger without asking its operator. 离线核验 cqo-ledger 存证。

   In a browser: import { verifyFiles } and give it bytes; nothing leaves the page. With Node 20 or later:

     node verify.mjs [--policy FILE] [--status FILE] [--leaf FILE] [--at MOMENT] [--json] FILE...

   FILE is a certificate (PDF or JSON), a proof bundle, a status list or a block proof. What a proof shows is
   上链后未被篡改: that an entry is unaltered since the time of its block. It never shows that an entry is true. Exit
   status: 0 everything passed; 1 a step failed; 2 misuse, or a file that cannot be read as a proof; 3 nothing failed, but
   a step could not be checked.

   The authority for every rule is FORMATS.md, whose sections the comments name. This file was written from that page,
   shares no code with the service and depends on nothing but the platform. It can be embedded in a page as it stands,
   so it never holds the end tag of a script. */

const BUNDLE_LIMIT = 16 * 1024 * 1024; // section 10
const BLOCK_PROOF_LIMIT = 1024 * 1024; // section 11
const POLICY_LIMIT = 65536; // section 10
const EXTRA_LIMIT = 65536; // section 11
const SIGNED_LIMIT = 16384; // section 4
const BLOCK_LIMIT = 1024; // section 7
const SIGNATURE_LINES = 100; // section 10: of one note
const SIGNATURE_LINE = 8192; // section 10: bytes of one of them with its line feed
const DEPTH = 8; // section 2, rule 3
const MAX_PATH = 63;
const CONTAINERS = 300_000; // objects and arrays: a bundle of 10,000 entries, blocks and keys has at most 260,006
const CREDENTIAL_LIMIT = 1024 * 1024; // sections 14 and 16
const LIST_BYTES = 16384; // section 16
const MAX_LIST = 1_000_000; // section 3
const MAX_ROWS = 1000; // section 14

/** The steps of all kinds of files and then those of all files together, with their names for people. */
export const STEPS = [
  { name: "form", zh: "格式", en: "form" },
  { name: "checkpoint", zh: "检查点签名", en: "checkpoint" },
  { name: "chain", zh: "区块在链上", en: "blocks on the chain" },
  { name: "keys", zh: "密钥登记册", en: "key register" },
  { name: "batch", zh: "记录在批次中", en: "entries in their batches" },
  { name: "signatures", zh: "记录签名", en: "signatures of the entries" },
  { name: "proof", zh: "证书签名", en: "signature of the credential" },
  { name: "proof_rdfc", zh: "证书签名（RDF）", en: "signature of the credential over RDF" },
  { name: "issued", zh: "签发已上链", en: "issue on the chain" },
  { name: "issuer", zh: "签发机构", en: "issuer" },
  { name: "evidence", zh: "学时与记录相符", en: "hours as the entries say" },
  { name: "printed_page", zh: "印刷页面", en: "printed page" },
  { name: "in_force", zh: "现行有效", en: "in force" },
  { name: "one_chain", zh: "同一条链", en: "one chain" },
  { name: "corrections", zh: "更正记录", en: "corrections" },
];

/** A sentence in both languages; thrown, it ends a step. */
class Said {
  constructor(zh, en) {
    this.zh = zh;
    this.en = en;
  }
}
/** The step failed. */
class Failed extends Said {}
/** The step could not be checked. */
class Open extends Said {}
/** The step is not needed here. */
class Skipped extends Said {}
/** Exit status 2: the question was wrong, or a file is no proof at all. */
class Misuse extends Said {}

/** Fails the current step unless the condition holds. */
function need(condition, zh, en) {
  if (!condition) throw new Failed(zh, en);
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes and text
// ---------------------------------------------------------------------------------------------------------------------

const encode = (text) => new TextEncoder().encode(text);

/** The text of strict UTF-8, a byte order mark kept as the character that it is; null for anything else. */
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

function join(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Standard base64 with padding, in its only canonical spelling; null otherwise. */
function unbase64(text) {
  try {
    const binary = atob(text);
    return btoa(binary) === text ? Uint8Array.from(binary, (char) => char.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}

/** A short ASCII rendering of something untrusted. */
function show(value) {
  const text = JSON.stringify(value).replace(/[^ -~]/g, (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"));
  return text.length <= 80 ? text : text.slice(0, 77) + "...";
}

// SHA-256 (FIPS 180-4). WebCrypto's can neither go on from where it was, as the digests of all prefixes of a key register
// ask (section 5), nor answer at once, which a path of small hashes wants.
// prettier-ignore
const ROUNDS = Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
  0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
  0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
  0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);
// prettier-ignore
const START = Int32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);

const turn = (x, n) => (x >>> n) | (x << (32 - n));
const SCHEDULE = new Int32Array(64);

class Sha256 {
  state = START.slice();
  block = new Uint8Array(64);
  length = 0;

  copy() {
    return Object.assign(new Sha256(), { state: this.state.slice(), block: this.block.slice(), length: this.length });
  }

  update(bytes) {
    for (let at = 0; at < bytes.length;) {
      const used = this.length % 64;
      const part = bytes.subarray(at, at + 64 - used);
      this.block.set(part, used);
      this.length += part.length;
      at += part.length;
      if (this.length % 64 === 0) this.compress();
    }
    return this;
  }

  compress() {
    const w = SCHEDULE;
    const words = new DataView(this.block.buffer);
    for (let i = 0; i < 16; i++) w[i] = words.getInt32(4 * i);
    for (let i = 16; i < 64; i++) {
      const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const { state } = this;
    let [a, b, c, d] = [state[0] | 0, state[1] | 0, state[2] | 0, state[3] | 0];
    let [e, f, g, h] = [state[4] | 0, state[5] | 0, state[6] | 0, state[7] | 0];
    for (let i = 0; i < 64; i++) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
  }

  /** The digest; nothing can be added afterwards. */
  digest() {
    const end = new DataView(new ArrayBuffer(this.length % 64 < 56 ? 64 - (this.length % 64) : 128 - (this.length % 64)));
    end.setUint8(0, 0x80);
    end.setBigUint64(end.byteLength - 8, BigInt(this.length) * 8n);
    this.update(new Uint8Array(end.buffer));
    const digest = new DataView(new ArrayBuffer(32));
    this.state.forEach((word, i) => digest.setInt32(4 * i, word));
    return new Uint8Array(digest.buffer);
  }
}

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), new Sha256()).digest();

/** The SHA-256 of some bytes, in hexadecimal. */
export async function sha256Hex(bytes) {
  return hex(sha256(bytes));
}

// ---------------------------------------------------------------------------------------------------------------------
// Section 1: small things
// ---------------------------------------------------------------------------------------------------------------------

const HEX32 = "[0-9a-f]{64}";
const DECIMAL = "(?:0|[1-9][0-9]{0,15})";
const MOMENT = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z";
const ORIGIN = "[a-z0-9](?:[-a-z0-9._~/:]{0,198}[a-z0-9])?";
const UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const RULEBOOK = "[0-9]{4}\\.(?:0|[1-9][0-9]{0,2})";
const CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/** Whether the whole text has the form of this source of a regular expression. */
const matches = (text, source) => new RegExp(`^(?:${source})$`).test(text);

/** The number that a decimal without leading zeros stands for, up to 2^53-1; null otherwise. */
function decimal(text) {
  return matches(text, DECIMAL) && Number.isSafeInteger(Number(text)) ? Number(text) : null;
}

/** Whether the calendar has this moment, from 1970 on. */
function isMoment(text) {
  const time = matches(text, MOMENT) ? Date.parse(text) : NaN;
  return time >= 0 && new Date(time).toISOString() === text;
}

/** Whether the calendar has this day, in the years 1900 to 2199. */
function isDay(text) {
  const time = matches(text, "(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}") ? Date.parse(text) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}

/** Section 13: a certificate number, whose last character is the check character of ISO/IEC 7064 MOD 37,36. */
function isCertificateNumber(text) {
  if (!matches(text, "XS-[0-9]{4}-[0-9]{6}-[0-9A-HJKMNP-TV-Z]{10}-[0-9A-Z]")) return false;
  let product = 36;
  const digits = Array.from(text.replaceAll("-", ""), (char) => parseInt(char, 36));
  for (const digit of digits.slice(0, -1)) product = (((product + digit) % 36 || 36) * 2) % 37;
  return (product + digits.at(-1)) % 36 === 1;
}

/** GB 32100-2015: the last character makes the weighted sum, modulo 31, come out at nought. */
function isCreditCode(text) {
  if (!matches(text, `[${CREDIT_ALPHABET}]{2}[0-9]{6}[${CREDIT_ALPHABET}]{10}`)) return false;
  let [sum, weight] = [0, 1];
  for (const char of text.slice(0, 17)) {
    sum += CREDIT_ALPHABET.indexOf(char) * weight;
    weight = (weight * 3) % 31;
  }
  return CREDIT_ALPHABET[(31 - (sum % 31)) % 31] === text[17];
}

// Ed25519, strictly. WebCrypto's specification asks for the cofactorless equation [S]B = R + [k]A, and OpenSSL (Node),
// BoringSSL (Chromium) and CryptoKit (Safari) compute it, as does NSS (Firefox). It also asks to refuse A and R of small
// order, which several do not, and says nothing of second encodings of a point. So whatever section 1 refuses besides
// the equation is refused here, before the platform is asked.
const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n; // L
// y coordinates of the eight points of small order (the orders 1, 2, 4 and 8)
const SMALL_ORDER_Y = new Set([
  0n,
  1n,
  FIELD - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);

const littleEndian = (bytes) => BigInt("0x" + hex(bytes.slice().reverse()));
const coordinate = (point) => littleEndian(point) & (2n ** 255n - 1n);

function power(base, exponent) {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = (base * base) % FIELD) {
    if (exponent & 1n) result = (result * base) % FIELD;
  }
  return result;
}

/** Whether 32 bytes are the canonical encoding of something that is not a point of small order. The other second
 *  encoding, a sign bit on x = 0, exists for y = 1 and y = -1 only, which are of small order. */
function isSoundPoint(point) {
  const y = coordinate(point);
  return y < FIELD && !SMALL_ORDER_Y.has(y);
}

const D = ((FIELD - 121665n) * power(121666n, FIELD - 2n)) % FIELD;

/** Whether 32 bytes are a public key: sound, and a point of the curve, so that (y^2-1)/(d y^2+1) is a square. */
function isSoundKey(point) {
  const square = coordinate(point) ** 2n % FIELD;
  const fraction = ((square + FIELD - 1n) * (D * square + 1n)) % FIELD;
  return isSoundPoint(point) && power(fraction, (FIELD - 1n) / 2n) === 1n;
}

/** Whether this is a valid signature by the rules of section 1, by a key that isSoundKey() has let pass. Asked only where
 *  Ed25519 is supported. */
async function isSignature(key, signature, message) {
  if (key.length !== 32 || signature.length !== 64) return false;
  if (littleEndian(signature.subarray(32)) >= ORDER) return false;
  if (!isSoundPoint(key) || !isSoundPoint(signature.subarray(0, 32))) return false;
  if (!imported.has(key)) imported.set(key, await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]));
  return crypto.subtle.verify("Ed25519", imported.get(key), signature, message);
}

const imported = new WeakMap(); // the platform's form of the bytes of a key

let support = null;

/** Whether this platform has Ed25519 in WebCrypto: it must find the third example of RFC 8032 section 7.1 valid. */
export function supported() {
  const example = [
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    "af82",
  ];
  support ??= isSignature(...example.map(unhex)).catch(() => false);
  return support;
}

const UNSUPPORTED = new Open("此浏览器没有 Ed25519，无法核验签名", "this browser has no Ed25519, so no signature can be checked");

/** RFC 9162 section 2.1.3.2: whether the inclusion path leads from this leaf data to the root. Exact in length. */
function pathLeads(data, index, size, path, root) {
  if (index >= size) return false;
  let [fn, sn] = [index, size - 1]; // beyond 32 bits, so without bit operators
  const halve = () => ([fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)]);
  let node = sha256(Uint8Array.of(0), data);
  for (const sibling of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      node = sha256(Uint8Array.of(1), sibling, node);
      while (fn % 2 === 0 && fn > 0) halve();
    } else {
      node = sha256(Uint8Array.of(1), node, sibling);
    }
    halve();
  }
  return sn === 0 && same(node, root);
}

// ---------------------------------------------------------------------------------------------------------------------
// Section 2: JSON rules
// ---------------------------------------------------------------------------------------------------------------------

/** The member of an object or array that read() made which holds its text, exactly as it stood: its canonical form. */
const SOURCE = Symbol("source");

const NUMBER = /(?:0|-?[1-9][0-9]{0,15})(?![0-9.eE])/y;

/** The value of a JSON text, if it is canonical by RFC 8785 and holds no other numbers than rule 2 allows: whatever has
 *  another spelling is refused where it stands, so nothing is ever written again to compare. Objects have no prototype. */
function readJson(text) {
  let [at, containers] = [0, 0];
  const refuse = () => {
    throw new Failed(`第 ${at} 个字符处不是规范 JSON（RFC 8785）`, `it is not canonical JSON (RFC 8785) at character ${at}`);
  };
  const take = (word) => (text.startsWith(word, at) ? (at += word.length) : refuse());
  const value = (depth) => {
    switch (text[at]) {
      case "{":
      case "[":
        return container(depth);
      case '"':
        return string();
      case "t":
        return take("true") && true;
      case "f":
        return !take("false");
      case "n":
        return take("null") && null;
      default:
        return number();
    }
  };
  const container = (depth) => {
    need(depth <= DEPTH, `嵌套超过 ${DEPTH} 层`, `it nests deeper than ${DEPTH}`);
    if (++containers > CONTAINERS) refuse();
    const start = at;
    const isArray = text[at++] === "[";
    const found = isArray ? [] : Object.create(null);
    const end = isArray ? "]" : "}";
    for (let last = null; text[at] !== end;) {
      if (last !== null) take(",");
      if (isArray) {
        found.push(value(depth + 1));
        last = "";
      } else {
        const name = text[at] === '"' ? string() : refuse();
        if (last !== null && !(last < name)) refuse(); // JavaScript compares by UTF-16 code units, as RFC 8785 sorts
        take(":");
        found[name] = value(depth + 1);
        last = name;
      }
    }
    at += 1;
    found[SOURCE] = text.slice(start, at);
    return found;
  };
  const number = () => {
    NUMBER.lastIndex = at;
    const [digits] = NUMBER.exec(text) ?? refuse();
    if (!Number.isSafeInteger(Number(digits))) refuse();
    at += digits.length;
    return Number(digits);
  };
  /** The platform reads and writes a single string as RFC 8785 says, but for lone surrogates. */
  const string = () => {
    const start = at;
    for (at += 1; text[at] !== '"'; at += text[at] === "\\" ? 2 : 1) if (at >= text.length) refuse();
    at += 1;
    const source = text.slice(start, at);
    const found = parsed(source);
    return JSON.stringify(found) === source && found.isWellFormed() ? found : refuse();
  };
  const parsed = (source) => {
    try {
      return JSON.parse(source);
    } catch {
      return refuse();
    }
  };
  const found = value(1);
  if (at !== text.length) refuse();
  return found;
}

// Checks of one JSON value. Each maker returns a function (value, where) that throws Failed.

function matching(source, zh, en) {
  const whole = new RegExp(`^(?:${source})$`);
  return passing((value) => whole.test(value), zh, en);
}

function passing(test, zh, en) {
  return (value, where) => need(typeof value === "string" && test(value), `${where} 不是${zh}`, `${where} is not ${en}`);
}

function oneOf(...values) {
  const list = values.join(", ");
  return passing((value) => values.includes(value), ` ${list} 之一`, `one of ${list}`);
}

function integer(low, high) {
  return (value, where) =>
    need(
      Number.isSafeInteger(value) && low <= value && value <= high,
      `${where} 不是 ${low} 至 ${high} 的整数`,
      `${where} is not an integer from ${low} to ${high}`,
    );
}

const REFUSED =
  /[\0-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufdd0-\ufdef\u{e0000}-\u{e007f}\p{Cs}]/u;
const isNoncharacter = (char) => (char.codePointAt(0) & 0xfffe) === 0xfffe;

/** Rule 5: no character that is not allowed, and form NFC. Only for short strings, or NFC could take long. */
function checkCharacters(value, where) {
  need(
    !REFUSED.test(value) && ![...value].some(isNoncharacter),
    `${where} 含有不允许的字符`,
    `${where} holds a character that is not allowed`,
  );
  need(value.normalize("NFC") === value, `${where} 不是 Unicode NFC 形式`, `${where} is not in Unicode form NFC`);
}

/** Rules 5 and 6. */
function text(most) {
  return (value, where) => {
    const length = typeof value === "string" && value.length <= 2 * most ? [...value].length : 0;
    need(1 <= length && length <= most, `${where} 不是 1 至 ${most} 个字符`, `${where} is not a text of 1 to ${most} characters`);
    checkCharacters(value, where);
    const isTrimmed = !/^[ \u3000]|[ \u3000]$/.test(value);
    need(isTrimmed, `${where} 首尾有空格`, `${where} begins or ends with a space`);
  };
}

/** Rule 5 for a text of several lines, each of which is short. */
function lines(value, where) {
  const most = 3 + 1 + SIGNATURE_LINES + 1; // text, an empty line, signatures, and what follows the last line feed
  const found = typeof value === "string" ? value.split("\n", most + 1) : [];
  need(
    1 <= found.length && found.length <= most,
    `${where} 不是 ${most} 行以内的文本`,
    `${where} is not a text of at most ${most} lines`,
  );
  for (const line of found) {
    need(line.length < SIGNATURE_LINE, `${where} 有一行过长`, `${where} has a line that is too long`);
    checkCharacters(line, where);
  }
}

const isAscending = (values) => values.every((value, i) => i === 0 || values[i - 1] < value);

function listing(item, low, high, ascending = false) {
  return (value, where) => {
    need(
      Array.isArray(value) && low <= value.length && value.length <= high,
      `${where} 不是 ${low} 至 ${high} 个元素的数组`,
      `${where} is not an array of ${low} to ${high}`,
    );
    value.forEach((element, i) => item(element, `${where}[${i}]`));
    need(!ascending || isAscending(value), `${where} 未严格升序`, `${where} is not strictly ascending`);
  };
}

/** An object with exactly these members; a name that ends in `?` is optional. `rule` looks at the whole object. */
function closed(table, rule = () => {}) {
  const members = new Map(Object.entries(table).map(([name, check]) => [name.replace("?", ""), check]));
  return (value, where) => {
    need(typeof value === "object" && value !== null && !Array.isArray(value), `${where} 不是对象`, `${where} is not an object`);
    for (const name of Object.keys(value)) {
      need(members.has(name), `${where} 有未知成员 ${show(name)}`, `${where} has an unknown member ${show(name)}`);
    }
    for (const [name, check] of members) {
      if (name in value) check(value[name], `${where}.${name}`);
      else need(`${name}?` in table, `${where} 缺少成员 ${name}`, `${where} lacks its member ${name}`);
    }
    rule(value, where);
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Sections 3 and 4: entries and signed entries
// ---------------------------------------------------------------------------------------------------------------------

function boolean(value, where) {
  need(typeof value === "boolean", `${where} 不是 true 或 false`, `${where} is not true or false`);
}

/** Looked at by the rule of the object that holds it. */
function later() {}

function hexBytes(low, high) {
  return matching(
    `(?:[0-9a-f]{2}){${low},${high}}`,
    ` ${low} 至 ${high} 字节的十六进制数`,
    `${low} to ${high} bytes in hexadecimal`,
  );
}

function lengthByAlg(member, length) {
  return (value, where) =>
    need(
      value.alg !== "Ed25519" || value[member].length === 2 * length,
      `${where}.${member} 不是 Ed25519 的 ${length} 字节`,
      `${where}.${member} does not have the ${length} bytes of Ed25519`,
    );
}

const HASH = matching(HEX32, " 64 位十六进制数", "64 hexadecimal digits");
const ID = matching(UUID7, "第 7 版 UUID", "a UUID of version 7");
const ALG = matching("[-A-Za-z0-9]{1,32}", "算法名", "the name of an algorithm");
const CREDIT_CODE = passing(isCreditCode, "有效的统一社会信用代码", "a valid credit code");
const DAY = passing(isDay, " 1900 至 2199 年的日期", "a day of the years 1900 to 2199");
const EVIDENCE = listing(HASH, 0, 20, true);
const REVIEWER = oneOf("clerk", "supervisor");
const LEARNER = closed({ id: ID, name: text(100) });
const COMMON = {
  id: ID,
  kind: oneOf("study", "activity", "correction", "key", "certificate", "status"),
  ledger: matching(ORIGIN, "账本名", "an origin"),
  recorder: CREDIT_CODE,
  rulebook: matching(RULEBOOK, "规则版本", "a version of the rulebook"),
};
const STUDY = {
  completes: boolean,
  course: closed({ code: matching("[-A-Za-z0-9._]{1,64}", "课程代码", "a course code"), title: text(200) }),
  evidence: EVIDENCE,
  first_day: DAY,
  last_day: DAY,
  form: oneOf("lecture", "exchange", "publication", "online", "other"),
  "form_reason?": text(200),
  hours: integer(1, 10000),
  "reviewed_by?": REVIEWER,
};
const ACTIVITY = {
  attendees: integer(1, 100000),
  attendees_digest: HASH,
  date: DAY,
  evidence: EVIDENCE,
  "reviewed_by?": REVIEWER,
  topic: text(200),
};
const CORRECTION = {
  action: oneOf("supersede", "void"),
  learner: LEARNER,
  reason: oneOf("hours", "dates", "course", "name", "duplicate", "not_attended", "fraud", "other"),
  "replacement?": later,
  target: closed({ commitment: HASH, id: ID }),
};
const KEY = {
  action: oneOf("add", "retire", "revoke"),
  "key?": closed({ alg: ALG, public: hexBytes(1, 256) }, lengthByAlg("public", 32)),
  "kinds?": listing(oneOf("activity", "certificate", "correction", "key", "status", "study"), 0, 6, true),
  "owner?": closed({ code: CREDIT_CODE, name: text(200) }),
  "role?": oneOf("authority", "recorder", "issuer", "receipt"),
  "reason?": oneOf("rotation", "lost", "compromised", "ended", "other"),
  "target?": HASH,
  "compromised_from?": integer(0, Number.MAX_SAFE_INTEGER),
};
const CERTIFICATE = {
  document: oneOf("credential", "pdf"),
  number: passing(isCertificateNumber, "证书编号", "a certificate number"),
  sha256: HASH,
};
const STATUS = {
  action: oneOf("list", "revoke"),
  "list?": integer(1, MAX_LIST),
  "sha256?": HASH,
  "number?": CERTIFICATE.number,
  "reason?": oneOf("corrected", "error", "fraud", "replaced", "other"),
};
const ROLE_KINDS = {
  authority: ["correction", "key"],
  recorder: ["activity", "correction", "study"],
  issuer: ["certificate", "status"],
  receipt: [],
};
const RECORDS = {
  study: closed({ ...STUDY, kind: oneOf("study") }, studyRule),
  activity: closed({ ...ACTIVITY, kind: oneOf("activity") }),
};
const ENTRIES = {
  study: closed({ ...COMMON, ...STUDY, learner: LEARNER }, studyRule),
  activity: closed({ ...COMMON, ...ACTIVITY, learner: LEARNER }),
  correction: closed({ ...COMMON, ...CORRECTION }, correctionRule),
  key: closed({ ...COMMON, ...KEY }, keyRule),
  certificate: closed({ ...COMMON, ...CERTIFICATE }),
  status: closed({ ...COMMON, ...STATUS }, statusRule),
};
const SIGNATURE = closed({ alg: ALG, key: HASH, sig: hexBytes(1, 256) }, lengthByAlg("sig", 64));
const SIGNED = closed({ entry: checkEntry, signatures: listing(SIGNATURE, 1, 4) }, signedRule);

/** Whether these can be the first and the last day of a study entry. */
function areDays(first, last) {
  const days = (Date.parse(last) - Date.parse(first)) / 86_400_000;
  return isDay(first) && isDay(last) && 0 <= days && days <= 366;
}

function studyRule(value, where) {
  need(
    "form_reason" in value === (value.form === "other"),
    `${where}：form_reason 只在 form 为 other 时出现`,
    `${where}: form_reason goes with form other, and only with it`,
  );
  need(
    areDays(value.first_day, value.last_day),
    `${where}：first_day 与 last_day 次序有误或相距过远`,
    `${where}: first_day and last_day are out of order or too far apart`,
  );
}

function correctionRule(value, where) {
  need(
    "replacement" in value === (value.action === "supersede"),
    `${where}：replacement 只在 action 为 supersede 时出现`,
    `${where}: replacement goes with supersede, and only with it`,
  );
  if ("replacement" in value) byKind(RECORDS, value.replacement, `${where}.replacement`);
}

/** That some members are there exactly when one action is asked for, and others exactly when it is not. */
function membersByAction(value, where, action, its, others) {
  const fits = (names, there) => names.every((name) => name in value === there);
  need(
    fits(its, value.action === action) && fits(others, value.action !== action),
    `${where}：成员与 action 不符`,
    `${where}: its members do not suit its action`,
  );
}

function statusRule(value, where) {
  membersByAction(value, where, "list", ["list", "sha256"], ["number", "reason"]);
}

function keyRule(value, where) {
  membersByAction(value, where, "add", ["key", "kinds", "owner", "role"], ["reason", "target"]);
  need(
    value.action === "revoke" || !("compromised_from" in value),
    `${where}：compromised_from 只在 action 为 revoke 时出现`,
    `${where}: compromised_from goes with revoke only`,
  );
  if (value.action !== "add") return;
  const allowed = ROLE_KINDS[value.role];
  const some = value.kinds.length > 0 === allowed.length > 0 && value.kinds.every((kind) => allowed.includes(kind));
  const all = value.role !== "authority" || value.kinds.length === allowed.length;
  need(some && all, `${where}：kinds 与 role 不符`, `${where}: kinds do not suit the role`);
}

/** Checks an object by the one of these tables that its member `kind` names. */
function byKind(tables, value, where) {
  const kind = typeof value === "object" && value !== null ? value.kind : null;
  oneOf(...Object.keys(tables))(kind, `${where}.kind`);
  tables[kind](value, where);
}

function checkEntry(value, where) {
  byKind(ENTRIES, value, where);
}

function signedRule(value, where) {
  const isOrdered = isAscending(value.signatures.map((signature) => signature.key));
  need(isOrdered, `${where}：签名密钥未升序`, `${where}: the keys of its signatures do not ascend`);
  const length = encode(value[SOURCE]).length;
  need(length <= SIGNED_LIMIT, `${where} 超过 16384 字节`, `${where} is longer than 16,384 bytes`);
}

function registerElement(value, where) {
  SIGNED(value, where);
  need(value.entry.kind === "key", `${where} 不是密钥记录`, `${where} is not a key entry`);
}

/** Section 4: the bytes that a signature of an entry is over. */
function signedMessage(origin, signature, entry) {
  return encode(`cqo-ledger/entry/v1\n${origin}\n${signature.alg}\n${signature.key}\n${entry[SOURCE]}`);
}

// ---------------------------------------------------------------------------------------------------------------------
// Section 7: blocks. Section 8 with C2SP signed-note and tlog-checkpoint: checkpoints. C2SP tlog-policy: trust policies
// ---------------------------------------------------------------------------------------------------------------------

const BLOCK = new RegExp(
  `^cqo-ledger/block/v1\n(?<origin>${ORIGIN})\nheight (?<height>${DECIMAL})\nprevious (?<previous>${HEX32})\n` +
    `root (?<root>${HEX32})\nentries (?<entries>${DECIMAL})\ntotal (?<total>${DECIMAL})\nkeys (?<keys>${HEX32})\n` +
    `time (?<time>${MOMENT})\n$`,
);

/** The parsed text of a block. */
class Block {
  constructor(text, where) {
    const found = text.length <= BLOCK_LIMIT && BLOCK.exec(text);
    need(found, `${where} 不是区块文本`, `${where} is not the text of a block`);
    this.text = text;
    this.data = encode(text);
    this.hash = hex(sha256(this.data));
    for (const name of ["origin", "previous", "root", "keys", "time"]) this[name] = found.groups[name];
    for (const name of ["height", "entries", "total"]) {
      this[name] = decimal(found.groups[name]);
      need(this[name] !== null, `${where} 的 ${name} 超过 2^53-1`, `${where}: ${name} is beyond 2^53-1`);
    }
    const isBatch = 1 <= this.entries && this.entries <= 65536;
    need(isBatch, `${where} 的记录数不是 1 至 65536`, `${where} does not have 1 to 65,536 entries`);
    need(isMoment(this.time), `${where} 的时间不存在`, `${where} has an impossible time`);
  }

  /** What step `chain` asks of every block text by itself. A sum beyond 2^53 is rounded, but never below 2^53, so that
   *  comparing it with a number of section 1 comes out right. */
  stand(origin) {
    const { height } = this;
    need(
      this.origin === origin,
      `区块 ${height} 与检查点不属于同一账本`,
      `block ${height} is of another ledger than the checkpoint`,
    );
    need(
      height > 0 || (matches(this.previous, "0{64}") && this.total === this.entries),
      "区块 0 不是链的起点",
      "block 0 does not begin a chain",
    );
    need(this.total >= this.entries + height, `区块 ${height} 的累计数过小`, `block ${height}: its total is too small`);
  }

  /** What step `chain` asks of the next text of a sequence. */
  precedes(next) {
    const [zh, en] = [`区块 ${this.height} 与 ${next.height}：`, `blocks ${this.height} and ${next.height}: `];
    if (this.height === next.height) {
      need(this.text === next.text, zh + "同一区块有两种文本", en + "two texts of one block");
      return;
    }
    const step = next.height - this.height;
    need(step > 0, zh + "高度未递增", en + "the heights do not ascend");
    const isLinked = step > 1 || (next.previous === this.hash && next.total === this.total + next.entries);
    need(isLinked, zh + "不衔接", en + "the one does not follow from the other");
    // section 7 allows nothing less in between: each block holds at least one entry
    const isEnough = next.total - next.entries >= this.total + (step - 1);
    need(isEnough, zh + "累计数不符", en + "the totals do not add up");
    need(next.time >= this.time, zh + "时间倒退", en + "the time goes back");
  }

  /** Section 10, `--at`. */
  isBy(at) {
    need(
      at === null || this.time <= at,
      `区块 ${this.height} 上链于 ${this.time}，晚于所问时刻`,
      `block ${this.height} was sealed at ${this.time}, after the moment asked for`,
    );
  }
}

const isKeyName = (name) => name !== "" && !/[+\p{White_Space}]/u.test(name);

/** A checkpoint as served: a signed note whose text is origin, size and root. */
class Checkpoint {
  constructor(note) {
    const cut = note.lastIndexOf("\n\n") + 1;
    const isNote = cut > 0 && note.endsWith("\n") && !/[\0-\x09\x0b-\x1f]/.test(note);
    need(isNote, "检查点不是签名便笺", "the checkpoint is not a signed note");
    this.body = encode(note.slice(0, cut));
    const text = note.slice(0, cut).split("\n");
    need(text.length === 4, "检查点不是恰好三行", "the checkpoint does not have exactly three lines");
    this.origin = text[0];
    this.size = decimal(text[1]);
    this.root = unbase64(text[2]);
    need(matches(this.origin, ORIGIN), "检查点的账本名不合格", "the origin of the checkpoint is malformed");
    need(this.size !== null, "检查点的链长不合格", "the size of the checkpoint is malformed");
    need(this.root?.length === 32, "检查点的根哈希不合格", "the root of the checkpoint is malformed");
    const signatures = note
      .slice(cut + 1)
      .split("\n")
      .slice(0, -1);
    need(
      1 <= signatures.length && signatures.length <= SIGNATURE_LINES,
      `检查点的签名不是 1 至 ${SIGNATURE_LINES} 行`,
      `the checkpoint does not have 1 to ${SIGNATURE_LINES} signatures`,
    );
    this.signatures = signatures.map(readSignatureLine);
    const isOwn = this.signatures.some((signature) => signature.name === this.origin);
    need(isOwn, "检查点没有以账本名签署的签名", "the checkpoint has no signature under the name of its origin");
  }
}

function readSignatureLine(line) {
  const [dash, name, base64, ...rest] = line.split(" ");
  const payload = unbase64(base64 ?? "");
  const isSound = dash === "\u2014" && isKeyName(name ?? "") && payload?.length > 4 && rest.length === 0;
  need(isSound && encode(line).length < SIGNATURE_LINE, "检查点的签名行不合格", "a signature line of the checkpoint is malformed");
  return { name, keyId: hex(payload.subarray(0, 4)), payload: payload.subarray(4) };
}

/** A C2SP trust policy: which logs and witnesses are trusted, and how many witnesses a checkpoint needs. */
class Policy {
  known = new Map(); // key name, a space and key id -> {witness: its policy name, or null for a log; key}
  keys = new Set();
  names = new Set(["none"]);
  members = new Set();
  groups = [];
  quorum = null;

  constructor(data) {
    need(data.length <= POLICY_LIMIT, "信任策略超过 64 KiB", "the trust policy is longer than 64 KiB");
    const isPlain = data.every((byte) => (byte >= 0x20 && byte !== 0x7f) || byte === 0x09 || byte === 0x0a);
    need(isPlain, "信任策略含控制字符（包括 CR）", "the trust policy has a control character (CR counts as one)");
    for (let [from, number] = [0, 1]; from <= data.length; number++) {
      const end = data.indexOf(0x0a, from) < 0 ? data.length : data.indexOf(0x0a, from);
      this.line(data.subarray(from, end), number);
      from = end + 1;
    }
    need(this.quorum !== null, "信任策略没有 quorum 行", "the trust policy has no quorum line");
  }

  line(data, number) {
    if (data.find((byte) => byte !== 0x20 && byte !== 0x09) === 0x23) return; // a comment need not be UTF-8
    const words = decode(data)
      ?.split(/[ \t]+/)
      .filter((word) => word !== "");
    try {
      need(words, "不是 UTF-8", "it is not UTF-8");
      if (words.length > 0) this.take(words);
    } catch (reason) {
      if (!(reason instanceof Failed)) throw reason;
      throw new Failed(`信任策略第 ${number} 行：${reason.zh}`, `line ${number} of the trust policy: ${reason.en}`);
    }
  }

  take([keyword, ...words]) {
    if (keyword === "log" && (words.length === 1 || words.length === 2)) {
      this.key(words[0], 1, null);
    } else if (keyword === "witness" && (words.length === 2 || words.length === 3)) {
      this.define(words[0]);
      this.key(words[1], 4, words[0]);
    } else if (keyword === "group" && words.length >= 3) {
      this.group(...words);
    } else {
      const isQuorum = keyword === "quorum" && words.length === 1;
      need(isQuorum, "不是 log、witness、group 或 quorum 行", "it is not a log, witness, group or quorum line");
      need(this.quorum === null, "quorum 重复", "there is a second quorum line");
      need(this.names.has(words[0]), `${show(words[0])} 未定义`, `${show(words[0])} is not defined above`);
      this.quorum = words[0];
    }
  }

  define(name) {
    need(!this.names.has(name), `名称 ${show(name)} 重复`, `the name ${show(name)} is taken`);
    this.names.add(name);
  }

  group(name, threshold, ...members) {
    for (const member of members) {
      const isDefined = member !== "none" && this.names.has(member);
      need(isDefined, `成员 ${show(member)} 未定义`, `the member ${show(member)} is not defined above`);
      need(!this.members.has(member), `成员 ${show(member)} 重复`, `the member ${show(member)} is listed a second time`);
      this.members.add(member);
    }
    const least = threshold === "all" ? members.length : threshold === "any" ? 1 : decimal(threshold);
    const isPossible = least !== null && 1 <= least && least <= members.length;
    need(isPossible, "门槛不是 1 至成员数", "the threshold is not 1 to the number of members");
    this.define(name);
    this.groups.push({ name, least, members });
  }

  /** A verifier key: name+key id+base64(type || public key). */
  key(verifier, type, witness) {
    const [, name, keyId, base64] = /^([^+]*)\+([^+]*)\+(.*)$/.exec(verifier) ?? [];
    const material = unbase64(base64 ?? "");
    const isKey = isKeyName(name ?? "") && material?.length === 33 && material[0] === type;
    need(isKey, "验证公钥不合格或类型不符", "the verifier key is malformed, or not of the type of this kind of line");
    const isOwn = keyId === hex(sha256(encode(name + "\n"), material).subarray(0, 4));
    need(isOwn, "公钥编号与验证公钥不符", "the key id does not belong to the verifier key");
    const key = material.subarray(1);
    need(isSoundKey(key), "公钥不是合格的点", "the public key is no point, of small order or not canonical");
    const isNew = !this.keys.has(hex(key)) && !this.known.has(`${name} ${keyId}`);
    need(isNew, "公钥重复", "a key is listed twice");
    this.keys.add(hex(key));
    this.known.set(`${name} ${keyId}`, { name, witness, key });
  }

  /** Section 10, step `checkpoint`: a signature of a known key that fails spoils the note; unknown ones are ignored. */
  async judge(note) {
    const isNamed = [...this.known.values()].some((known) => known.witness === null && known.name === note.origin);
    need(isNamed, "信任策略没有此账本的 log 行", "the policy has no log line for the origin of the checkpoint");
    const seen = new Set();
    let isByLog = false;
    const canCheck = await supported();
    for (const { name, keyId, payload } of note.signatures) {
      const known = this.known.get(`${name} ${keyId}`);
      if (known === undefined) continue;
      const isValid = !canCheck || (await isNoteSignature(known, payload, note.body));
      need(isValid, `${show(name)} 的签名无效`, `the signature of ${show(name)} is not valid`);
      if (known.witness !== null) seen.add(known.witness);
      else isByLog ||= name === note.origin;
    }
    need(isByLog, "检查点没有账本的签名", "the checkpoint is not signed by its log");
    const count = seen.size;
    for (const { name, least, members } of this.groups) {
      if (members.filter((member) => seen.has(member)).length >= least) seen.add(name);
    }
    const isMet = this.quorum === "none" || seen.has(this.quorum);
    need(isMet, "未达到信任策略要求的见证方", "the quorum of witnesses is not met");
    if (!canCheck) throw UNSUPPORTED;
    return this.quorum === "none"
      ? new Said(
          `${note.origin} 的签名有效；策略不要求见证方，运营者有可能向他人出示另一条链`,
          `signed by ${note.origin}; the policy asks for no witness, so the operator could show others another chain`,
        )
      : new Said(
          `${note.origin} 的签名有效，见证方 ${count} 家`,
          `signed by ${note.origin}, and the quorum is met with ${count} witnesses`,
        );
  }
}

/** A log signs the note; a witness (cosignature/v1) the time, which stands before its signature, and the note. */
async function isNoteSignature({ witness, key }, payload, body) {
  if (witness === null) return isSignature(key, payload, body);
  if (payload.length !== 8 + 64) return false;
  const time = BigInt("0x" + hex(payload.subarray(0, 8)));
  return time < 2n ** 63n && isSignature(key, payload.subarray(8), join(encode(`cosignature/v1\ntime ${time}\n`), body));
}

async function checkCheckpoint(policy, note) {
  if (policy === null) {
    throw new Open("未给出信任策略，不知道该信任谁的签名", "no trust policy was given, so nobody vouches for this checkpoint");
  }
  return policy.judge(note);
}

// ---------------------------------------------------------------------------------------------------------------------
// Section 5: the key register
// ---------------------------------------------------------------------------------------------------------------------

/** The key register: who may sign what, from which element on and until which. */
class Register {
  keys = new Map(); // key id -> what element added it, and which ended it
  numbers = new Map(); // text of an element -> its number
  prefixes = new Map(); // digest of a prefix -> its length
  unknown = null; // why something could not be checked

  static async read(elements, origin) {
    const register = new Register();
    const ids = new Set();
    const running = new Sha256().update(encode("["));
    for (const [number, element] of elements.entries()) {
      const where = new Said(`登记册第 ${number} 条`, `element ${number} of the register`);
      register.numbers.set(element[SOURCE], number);
      need(element.entry.ledger === origin, `${where.zh}属于另一账本`, `${where.en} is of another ledger`);
      need(!ids.has(element.entry.id), `${where.zh}的编号重复`, `${where.en} repeats an entry id`);
      ids.add(element.entry.id);
      await register.apply(number, element, origin, where);
      running.update(encode((number > 0 ? "," : "") + element[SOURCE]));
      register.prefixes.set(hex(running.copy().update(encode("]")).digest()), number + 1);
    }
    return register;
  }

  /** Rules 1 to 3 for one element, given all before it. */
  async apply(number, element, origin, { zh, en }) {
    const { entry, signatures } = element;
    const isAdd = entry.action === "add";
    const target = isAdd ? keyId(entry.key) : entry.target;
    if (isAdd) {
      need(!this.keys.has(target), `${zh}重复登记密钥`, `${en} adds a key a second time`);
      const isSound = entry.key.alg !== "Ed25519" || isSoundKey(unhex(entry.key.public));
      need(isSound, `${zh}的公钥不是合格的点`, `${en} adds a key that is no point, of small order or not canonical`);
    }
    if (number === 0) {
      need(isAdd && entry.role === "authority", `${zh}没有登记管理方`, `${en} does not add an authority`);
      const isOwn = signatures.length === 1 && signatures[0].key === target;
      need(isOwn, `${zh}不是由所登记的密钥签名`, `${en} is not signed by exactly the key that it adds`);
      this.add(target, entry, 0);
    }
    for (const { key: signer } of signatures) {
      const works = number === 0 || this.works(signer, number);
      need(works, `${zh}的签名密钥当时不可用`, `${en} is signed by a key that does not work there`);
      const may = this.keys.get(signer).role === "authority" || (!isAdd && signer === target);
      need(may, `${zh}的签名者无此权限`, `${en}: its signer may not do this`);
    }
    await this.checkSignatures(element, origin, { zh, en });
    if (!isAdd) this.end(number, entry, { zh, en });
    else if (number > 0) this.add(target, entry, number);
  }

  add(id, entry, number) {
    const { key, owner, role, kinds } = entry;
    this.keys.set(id, {
      alg: key.alg,
      bytes: unhex(key.public),
      owner,
      role,
      kinds,
      added: number,
      ended: null,
      isRevoked: false,
      compromisedFrom: null,
    });
  }

  end(number, entry, { zh, en }) {
    const key = this.keys.get(entry.target);
    const isRevoke = entry.action === "revoke";
    const mayEnd = key !== undefined && !key.isRevoked && (isRevoke || key.ended === null);
    need(mayEnd, `${zh}所停用的密钥未登记或已停用`, `${en} ends a key that was not added, or has ended before`);
    key.ended ??= number;
    key.isRevoked = isRevoke;
    key.compromisedFrom = entry.compromised_from ?? null;
  }

  /** Whether the key has been added, and neither retired nor revoked, within the first `length` elements. */
  works(id, length) {
    const key = this.keys.get(id);
    return key !== undefined && key.added < length && (key.ended === null || key.ended >= length);
  }

  /** That each signature is of its key's owner and algorithm, and valid. What could not be checked is remembered. */
  async checkSignatures(signed, origin, { zh, en }) {
    for (const signature of signed.signatures) {
      const key = this.keys.get(signature.key);
      const isOwner = key.owner.code === signed.entry.recorder;
      need(isOwner, `${zh}的记录方不是签名密钥的所有者`, `${en}: its recorder does not own the signing key`);
      need(key.alg === signature.alg, `${zh}的签名算法与密钥不符`, `${en}: a signature has another algorithm than its key`);
      if (key.alg !== "Ed25519") {
        this.unknown = new Open(`${zh}的签名算法 ${key.alg} 无法核验`, `${en}: the algorithm ${key.alg} is unknown here`);
      } else if (await supported()) {
        const message = signedMessage(origin, signature, signed.entry);
        const isValid = await isSignature(key.bytes, unhex(signature.sig), message);
        need(isValid, `${zh}的签名无效`, `${en}: a signature is not valid`);
      } else {
        this.unknown ??= UNSUPPORTED;
      }
    }
  }

  /** Opens the current step when a signature so far could not be checked. */
  settle() {
    if (this.unknown !== null) throw this.unknown;
  }
}

/** Section 1: the id of a public key. */
function keyId({ alg, public: key }) {
  return hex(sha256(encode(alg + "\n"), unhex(key)));
}

// ---------------------------------------------------------------------------------------------------------------------
// Section 10: proof bundles
// ---------------------------------------------------------------------------------------------------------------------

const HEIGHT = integer(0, Number.MAX_SAFE_INTEGER);
const PATH = listing(HASH, 0, MAX_PATH);
const BLOCK_TEXT = passing((value) => BLOCK.test(value), "区块文本", "the text of a block");
const BUNDLE = closed({
  format: oneOf("cqo-ledger/proof/v1"),
  entries: listing(closed({ block: HEIGHT, index: HEIGHT, path: PATH, salt: HASH, signed: SIGNED }), 1, 10000),
  blocks: listing(closed({ path: PATH, "previous?": BLOCK_TEXT, text: BLOCK_TEXT }), 1, 10000),
  tip: closed({ path: PATH, text: BLOCK_TEXT }),
  checkpoint: lines,
  keys: listing(registerElement, 1, 10000),
});

/** A proof bundle. The methods named in `stages` are its steps; each relies on those before it. */
class Bundle {
  static mark = '"format":"cqo-ledger/proof/v1"';
  kind = "proof";
  stages = { alone: ["form", "checkpoint", "chain", "keys", "batch", "signatures"], last: ["in_force"] };
  steps = [];
  entries = [];

  constructor(bytes, run) {
    this.bytes = bytes;
    this.run = run;
  }

  form() {
    const text = decode(this.bytes);
    need(text !== null, "不是 UTF-8", "it is not UTF-8");
    const value = readJson(text);
    this.bytes = null;
    BUNDLE(value, "bundle");
    this.tip = new Block(value.tip.text, "tip");
    this.tipPath = value.tip.path.map(unhex);
    this.elements = value.keys;
    this.blocks = new Map();
    value.blocks.forEach(({ text, previous, path }, i) => {
      const block = new Block(text, `blocks[${i}]`);
      need(
        (previous !== undefined) === block.height > 0,
        `blocks[${i}]：除高度 0 外须有 previous`,
        `blocks[${i}]: previous is there except at height 0`,
      );
      const before = previous === undefined ? null : new Block(previous, `blocks[${i}].previous`);
      this.blocks.set(block.height, { block, previous: before, path: path.map(unhex) });
    });
    this.entries = value.entries.map((entry) => ({ ...entry, path: entry.path.map(unhex) }));
    const isOrdered = this.entries.every((entry, i, all) => i === 0 || comparePlaces(all[i - 1], entry) < 0);
    need(isOrdered, "entries 未按区块和序号升序", "the entries do not ascend by block and index");
    const named = [...new Set(this.entries.map((entry) => entry.block))];
    const heights = [...this.blocks.keys()];
    const isExact = heights.length === value.blocks.length && same(heights, named);
    need(isExact, "blocks 与 entries 所指的区块不一致", "blocks are not exactly those that entries name, ascending");
    this.note = new Checkpoint(value.checkpoint);
    this.origin = this.note.origin;
    const [entries, blocks] = [this.entries.length, this.blocks.size];
    return new Said(
      `${this.origin}：${entries} 条记录，${blocks} 个区块`,
      `${this.origin}: ${entries} entries in ${blocks} blocks`,
    );
  }

  checkpoint() {
    return checkCheckpoint(this.run.policy, this.note);
  }

  /** Every block text at hand, by height: previous, block, ..., tip. All of them are shown to be on the chain. */
  shown() {
    const before = [...this.blocks.values()].flatMap(({ previous, block }) => (previous ? [previous, block] : [block]));
    return [...before, this.tip];
  }

  chain() {
    const { size, root, origin } = this.note;
    const texts = this.shown();
    for (const block of texts) block.stand(origin);
    for (const { block, previous, path } of this.blocks.values()) {
      const { height } = block;
      const isUnder = pathLeads(block.data, height, size, path, root);
      need(isUnder, `区块 ${height} 不在检查点之下`, `block ${height}: its path does not lead to the root of the checkpoint`);
      const isBefore = previous === null || (previous.height + 1 === height && previous.hash === block.previous);
      need(isBefore, `区块 ${height} 与前一区块不衔接`, `block ${height}: previous is not the block before it`);
      block.isBy(this.run.at);
    }
    const isLast = this.tip.height === size - 1 && pathLeads(this.tip.data, this.tip.height, size, this.tipPath, root);
    need(isLast, "末区块不是检查点下的最后一个区块", "the tip is not the last block under the checkpoint");
    texts.slice(1).forEach((next, i) => texts[i].precedes(next));
    return new Said(`${this.blocks.size} 个区块都在检查点之下`, `${this.blocks.size} blocks under the checkpoint of ${size}`);
  }

  async keys() {
    this.register = await Register.read(this.elements, this.origin); // also of use where the step stays open
    const { prefixes } = this.register;
    const count = this.elements.length;
    const isTips = prefixes.get(this.tip.keys) === count;
    need(isTips, "登记册与末区块所记摘要不符", "the register is not the one that the tip names");
    let before = 1;
    for (const { height, keys, entries } of this.shown()) {
      const own = prefixes.get(keys);
      const fits = own !== undefined && own >= before && (height > 0 || (own === 1 && entries === 1));
      need(fits, `区块 ${height} 的登记册与此不符`, `block ${height} names a key register that does not fit`);
      before = own;
    }
    this.register.settle();
    return new Said(`${count} 条密钥记录，摘要与区块一致`, `${count} key entries, as the blocks say`);
  }

  batch() {
    const [ids, commitments] = [new Set(), new Set()];
    for (const item of this.entries) {
      const { zh, en } = placeOf(item);
      const { block } = this.blocks.get(item.block);
      const { entry } = item.signed;
      need(entry.ledger === this.origin, `${zh}属于另一账本`, `${en} is of another ledger`);
      const head = encode(`cqo-ledger/commit/v1\n${this.origin}\n`);
      const commitment = sha256(head, unhex(item.salt), encode(item.signed[SOURCE]));
      const isInside = pathLeads(commitment, item.index, block.entries, item.path, unhex(block.root));
      need(isInside, `${zh}不在区块的批次中`, `${en}: its path does not lead to the root of its block`);
      item.commitment = hex(commitment);
      const isNew = !ids.has(entry.id) && !commitments.has(item.commitment);
      need(isNew, `${zh}重复出现`, `${en}: its id or its commitment stands there twice`);
      ids.add(entry.id);
      commitments.add(item.commitment);
    }
    const count = this.entries.length;
    return new Said(
      `${count} 条记录都在各自区块的批次中，上链后未被篡改`,
      `${count} entries are in the batches of their blocks, unaltered since`,
    );
  }

  async signatures() {
    const { register } = this;
    register.settle(); // without the register no signature can be checked
    for (const item of this.entries) {
      const { zh, en } = placeOf(item);
      const { entry, signatures } = item.signed;
      const { block, previous } = this.blocks.get(item.block);
      const since = previous === null ? 0 : register.prefixes.get(previous.keys);
      if (entry.kind === "key") {
        // step `keys` has judged its signers, if it is an element
        const number = register.numbers.get(item.signed[SOURCE]) ?? -1;
        const isThere = since <= number && number < register.prefixes.get(block.keys);
        need(isThere, `${zh}不是其区块登记的密钥记录`, `${en} is a key entry that its block did not add to the register`);
        continue;
      }
      for (const { key: id } of signatures) {
        need(register.works(id, since), `${zh}的密钥在此位置不可用`, `${en}: its key does not work at this position`);
        const { kinds, compromisedFrom } = register.keys.get(id);
        need(kinds.includes(entry.kind), `${zh}的密钥不得签署此类记录`, `${en}: its key may not sign this kind`);
        const isSafe = compromisedFrom === null || compromisedFrom > item.block;
        need(isSafe, `${zh}的密钥当时已泄露`, `${en} is signed by a key that was compromised by then`);
      }
      await register.checkSignatures(item.signed, this.origin, { zh, en });
    }
    register.settle();
    return new Said("每条记录的签名有效，密钥当时可用", "every signature is valid, by a key that worked then");
  }

  in_force() {
    const served = this.run.all(Credential).flatMap((credential) => credential.serving());
    if (served.some(({ bundle }) => bundle === this) || this.entries.every(({ signed }) => ["certificate", "status"].includes(signed.entry.kind))) {
      throw new Skipped("此处不需要：由证书的同名步骤判断", "not needed here: the certificate's own step tells");
    }
    throw new Open(
      "证明包不含状态清单：此后是否被更正，须另行查询",
      "a bundle carries no status list: whether an entry was corrected later must be asked elsewhere",
    );
  }
}

/** The entries of a bundle that are `certificate` entries for a number, each with the time of its block. */
function certificateEntries(bundle, document, number) {
  return bundle.entries
    .filter(({ signed: { entry } }) => entry.kind === "certificate" && entry.document === document && entry.number === number)
    .map((item) => ({ ...item, sealedAt: bundle.blocks.get(item.block).block.time }));
}

const comparePlaces = (a, b) => a.block - b.block || a.index - b.index;
const placeOf = (item) => new Said(`记录（${item.block}-${item.index}）`, `entry ${item.block}-${item.index}`);

// ---------------------------------------------------------------------------------------------------------------------
// Section 11: block proofs
// ---------------------------------------------------------------------------------------------------------------------

/** A C2SP tlog-proof of one block. */
class BlockProof {
  static mark = encode("c2sp.org/tlog-proof@v1\n");
  kind = "tlog-proof";
  stages = { alone: ["form", "checkpoint", "chain"] };
  steps = [];
  entries = [];
  block = null;

  constructor(bytes, run) {
    this.bytes = bytes;
    this.run = run;
  }

  form() {
    need(this.bytes.length <= BLOCK_PROOF_LIMIT, "超过 1 MiB", "it is longer than 1 MiB");
    const text = decode(this.bytes.subarray(BlockProof.mark.length));
    need(text?.includes("\n\n"), "不是 UTF-8，或检查点前没有空行", "it is not UTF-8, or has no empty line before the checkpoint");
    const cut = text.indexOf("\n\n");
    const head = text.slice(0, cut).split("\n");
    this.extra = null;
    if (head[0].startsWith("extra ")) {
      this.extra = unbase64(head.shift().slice("extra ".length));
      const isSound = this.extra !== null && this.extra.length <= EXTRA_LIMIT;
      need(isSound, "extra 行不是 base64 或过长", "the extra line is not base64, or too long");
    }
    const [keyword, index, ...rest] = (head.shift() ?? "").split(" ");
    this.index = keyword === "index" && rest.length === 0 ? decimal(index ?? "") : null;
    need(this.index !== null, "没有合格的 index 行", "it has no sound index line");
    need(head.length <= MAX_PATH, `路径超过 ${MAX_PATH} 个哈希`, `the path has more than ${MAX_PATH} hashes`);
    this.path = head.map(unbase64);
    const isPath = this.path.every((hash) => hash?.length === 32);
    need(isPath, "路径中有不合格的哈希", "a hash of the path is malformed");
    this.note = new Checkpoint(text.slice(cut + 2));
    const { origin } = this.note;
    return new Said(`${origin} 的区块 ${this.index}`, `block ${this.index} of ${origin}`);
  }

  checkpoint() {
    return checkCheckpoint(this.run.policy, this.note);
  }

  chain() {
    const { size, root, origin } = this.note;
    const given = this.run.leaf;
    need(this.index < size, "区块序号超出检查点", "the index is beyond the size of the checkpoint");
    const leaf = this.extra ?? given;
    if (leaf === null) {
      throw new Open("没有区块文本：无 extra 行，也未另行给出", "there is no block text: no extra line, and none was given");
    }
    const isOne = given === null || same(leaf, given);
    need(isOne, "另行给出的区块文本与 extra 行不同", "the block text that was given differs from the extra line");
    const isUnder = pathLeads(leaf, this.index, size, this.path, root);
    need(isUnder, "区块不在检查点之下", "the path does not lead from the block to the root of the checkpoint");
    const block = new Block(decode(leaf) ?? "", "leaf");
    need(block.height === this.index, "区块的高度与序号不符", "the height of the block is not its index");
    block.stand(origin);
    block.isBy(this.run.at);
    this.block = block;
    return new Said(
      `区块 ${block.height} 在链上：${block.entries} 条记录，上链时间 ${block.time}`,
      `block ${block.height} is on the chain: ${block.entries} entries, sealed at ${block.time}`,
    );
  }

  shown() {
    return this.block === null ? [] : [this.block];
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Section 10: all files together
// ---------------------------------------------------------------------------------------------------------------------

const hasFailed = (steps) => steps.some((step) => step.state === "failed");

/** What only all files without a failed step show together: one chain, the corrections that count, and the hours. */
class Joint {
  steps = [];
  learners = [];

  constructor(files) {
    this.files = files.filter((file) => !hasFailed(file.steps));
    const [isSeveral, hasBundle] = [this.files.length > 1, files.some((file) => file.kind === "proof")];
    this.stages = { alone: [...(isSeveral ? ["one_chain"] : []), ...(hasBundle ? ["corrections"] : [])] };
  }

  /** Two texts for one height of one ledger: the operator showed two chains. */
  one_chain() {
    const texts = new Map();
    for (const { origin, height, text } of this.files.flatMap((file) => file.shown?.() ?? [])) {
      const place = `${origin} ${height}`;
      need(
        (texts.get(place) ?? text) === text,
        `${origin} 的区块 ${height} 有两种文本：运营者出示了两条不同的链`,
        `block ${height} of ${origin} has two texts: both shown chains cannot be one, the operator showed two`,
      );
      texts.set(place, text);
    }
    return new Said(`所见 ${texts.size} 个区块互不矛盾`, `${texts.size} blocks, and no height with two texts`);
  }

  corrections() {
    const records = new Map(); // origin, a space and entry id -> the entry with its place
    for (const bundle of this.files.filter((file) => file instanceof Bundle)) {
      for (const item of bundle.entries) {
        const record = new Entry(bundle, item);
        const known = records.get(record.name) ?? record;
        const isOne = known.commitment === record.commitment && comparePlaces(known, record) === 0;
        const { id } = record.entry;
        need(isOne, `编号 ${id} 下有两条不同的记录`, `two different entries stand under the id ${id}`);
        records.set(record.name, known);
      }
    }
    const judged = new Corrections([...records.values()]);
    this.learners = judged.total();
    if (records.size === 0) throw new Open("没有通过核验的记录", "no entry passed");
    judged.settle();
    return new Said(`${judged.first.size} 条更正生效`, `${judged.first.size} corrections count`);
  }
}

/** An entry that a bundle proves. */
class Entry {
  constructor(bundle, { block, index, commitment, signed }) {
    this.entry = signed.entry;
    this.block = block;
    this.index = index;
    this.commitment = commitment;
    this.origin = bundle.origin;
    this.name = `${bundle.origin} ${signed.entry.id}`;
    this.signer = signed.signatures[0].key;
    this.isByAuthority = signed.signatures.some(({ key }) => bundle.register.keys.get(key)?.role === "authority");
  }

  /** What the entry says: a study or activity entry itself, a superseding correction its replacement; else null. */
  says() {
    const said = this.entry.kind === "correction" ? this.entry.replacement : this.entry;
    return said?.kind === "study" || said?.kind === "activity" ? said : null;
  }
}

/** Section 3: some entries, each once, and of each corrected one the correction that counts. */
class Corrections {
  first = new Map(); // name of a target -> the correction of it that counts
  missing = null;

  constructor(entries) {
    this.entries = entries.sort(comparePlaces);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    for (const correction of entries.filter(({ entry }) => entry.kind === "correction")) {
      const name = `${correction.origin} ${correction.entry.target.id}`;
      if (byName.has(name)) {
        checkCorrection(correction, byName.get(name));
        if (!this.first.has(name)) this.first.set(name, correction);
      } else {
        this.missing = correction;
      }
    }
  }

  /** Opens the current step when the target of a correction is not there. */
  settle() {
    if (this.missing === null) return;
    const { zh, en } = placeOf(this.missing);
    throw new Open(`${zh}所更正的记录不在其中`, `the target of the correction, ${en}, is not there`);
  }

  /** The last of the corrections that count, from an entry on; the entry itself where there is none. */
  last(entry) {
    let last = entry;
    while (this.first.has(last.name)) last = this.first.get(last.name); // a correction stands after its target
    return last;
  }

  /** The hours of each learner. */
  total() {
    const totals = new Map();
    for (const record of this.entries.filter(({ entry }) => "learner" in entry)) {
      const { id, name } = record.entry.learner;
      const key = `${record.origin} ${id}`;
      const total = totals.get(key) ?? { id, name, hours: 0, entries: 0, activities: 0 };
      totals.set(key, total);
      total.name = name; // the newest comes last
      const said = record.entry.kind === "correction" ? null : this.last(record).says();
      total.hours += said?.hours ?? 0;
      total.entries += said?.kind === "study" ? 1 : 0;
      total.activities += said?.kind === "activity" ? 1 : 0;
    }
    return [...totals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, total]) => total);
  }
}

/** What must hold of a correction, whether it is the first one of its target or not. */
function checkCorrection(correction, target) {
  const [mine, its] = [correction.entry, target.entry];
  const { zh, en } = placeOf(correction);
  const isNamed = mine.target.commitment === target.commitment;
  need(isNamed, `更正${zh}：目标承诺值不符`, `correction ${en} names another commitment`);
  need(comparePlaces(target, correction) < 0, `更正${zh}早于目标`, `correction ${en} stands before its target`);
  const said = target.says();
  need(said !== null, `更正${zh}：目标不可更正`, `correction ${en}: its target says nothing to correct`);
  need(mine.learner.id === its.learner.id, `更正${zh}：学员不同`, `correction ${en} is for another learner`);
  const may = mine.recorder === its.recorder || correction.isByAuthority;
  need(may, `更正${zh}：既非原记录方也非管理方`, `correction ${en} is neither by the recorder of its target nor by an authority`);
  const isSame = mine.action === "void" || mine.replacement.kind === said.kind;
  need(isSame, `更正${zh}：记录种类不同`, `correction ${en} replaces its target by another kind`);
}

// ---------------------------------------------------------------------------------------------------------------------
// Sections 14 and 15: hour certificates, and the proofs of a credential
// ---------------------------------------------------------------------------------------------------------------------

const DAYTIME = "T00:00:00+08:00";
const HOURS = "(?:0|[1-9][0-9]{0,5})\\.[0-9]{2}";
const DAYS = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
const CONTEXT = ["https://www.w3.org/ns/credentials/v2"];
const OPEN_BADGES = [...CONTEXT, "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"];
const TITLE = "首席质量官培训学时证明";
const RESULT = "urn:cqo-ledger:result:";

/** A value that is always the same; its members stand here as JCS sorts them. */
function constant(expected) {
  const json = JSON.stringify(expected);
  return (value, where) => need(JSON.stringify(value) === json, `${where} 不是 ${json}`, `${where} is not ${show(expected)}`);
}

/** A string of this form; the groups of the expression are of use later. */
const shaped = (source) => matching(source, "规定的格式", "of the form that is laid down");

const identity = (type, hash) =>
  closed({ hashed: constant(false), identityHash: hash, identityType: constant(type), type: constant("IdentityObject") });
const result = (name, test, zh, en) =>
  closed({ resultDescription: constant(RESULT + name), type: constant(["Result"]), value: passing(test, zh, en) });
const described = (name, label, type) => ({ id: RESULT + name, name: label, resultType: type, type: ["ResultDescription"] });

const IDENTITIES = new Map([
  ["systemId", identity("systemId", ID)],
  ["ext:employer", identity("ext:employer", text(200))],
  ["nationalIdentityNumber", identity("nationalIdentityNumber", shaped("[0-9A-Z]\\*{1,20}[0-9A-Z]{4}"))],
]);
const CRITERIA = `1 学时 = (?<minutes>[1-9][0-9]{0,2}) 分钟（规则 (?<rulebook>${RULEBOOK})）。所列学时自上链时间起未被篡改；不证明其内容属实。`;
const ACHIEVEMENT = closed({
  achievementType: constant("CertificateOfCompletion"),
  criteria: closed({ narrative: shaped(CRITERIA) }),
  description: constant("首席质量官在起止日期内已上链的培训学时 Training hours of a chief quality officer, sealed on the chain"),
  humanCode: CERTIFICATE.number,
  id: constant("urn:cqo-ledger:achievement:hours"),
  inLanguage: constant("zh"),
  name: constant(TITLE),
  resultDescription: constant([
    described("credit-hours", "学时 credit hours", "ext:CreditHours"),
    described("activities", "组织培训活动 activities organised", "ext:Activities"),
  ]),
  type: constant(["Achievement"]),
});
const SUBJECT = closed({
  achievement: ACHIEVEMENT,
  activityEndDate: passing(isDaytime, "规定的日期", "a day of the form that is laid down"),
  activityStartDate: passing(isDaytime, "规定的日期", "a day of the form that is laid down"),
  id: shaped(`urn:uuid:${UUID7}`),
  identifier: checkIdentifiers,
  name: text(100),
  result: pair(
    result("credit-hours", (value) => isHours(value, 0, 100_000_00), "0.00 至 100000.00 的学时", "credit hours of 0.00 to 100000.00"),
    result("activities", (value) => isBetween(value, 0, 1000), " 0 至 1000 的整数", "a count of 0 to 1000"),
  ),
  type: constant(["AchievementSubject"]),
});
const ISSUER = closed({
  id: text(300),
  name: text(200),
  otherIdentifier: listing(
    closed({
      identifier: CREDIT_CODE,
      identifierType: constant("ext:unifiedSocialCreditCode"),
      type: constant("IdentifierEntry"),
    }),
    1,
    1,
  ),
  type: constant(["Profile"]),
});
const NARRATIVE = new RegExp(
  `^(?:(?<hours>${HOURS}) 学时|组织培训活动 1 次)；上链时间 (?<sealedAt>${MOMENT})；存证编号 (?<height>${DECIMAL})-(?<index>${DECIMAL})$`,
);
const COURSE = new RegExp(`^课程 (?<code>[-A-Za-z0-9._]{1,64})；培训机构 (?<provider>.+)；(?<from>${DAYS}) 至 (?<to>${DAYS})$`);
const ORGANISED = new RegExp(`^培训机构 (?<provider>.+)；(?<to>${DAYS})；参加人数 (?<attendees>${DECIMAL})$`);
const REASON = "；形式说明 ";
const EVIDENCE_ID = /^urn:cqo-ledger:(?<origin>[-a-z0-9._~]*(?:%(?:2F|3A)[-a-z0-9._~]*)*):(?<commitment>[0-9a-f]{64})$/;
const ROW = closed(
  {
    description: text(1000),
    genre: oneOf("lecture", "exchange", "publication", "online", "other", "activity"),
    id: passing((value) => EVIDENCE_ID.test(value), "规定的记录编号", "the name of an entry"),
    name: text(200),
    narrative: text(200),
    type: constant(["Evidence"]),
  },
  (value, where) => void readRow(value, where),
);
const LIST_ENTRY = {
  id: text(250),
  statusListCredential: text(250),
  statusListIndex: passing((value) => isBetween(value, 0, 8 * LIST_BYTES - 1), "清单内的序号", "an index of the list"),
  statusPurpose: constant("revocation"),
  type: constant("BitstringStatusListEntry"),
};
const CREDENTIAL = closed(
  {
    "@context": constant(OPEN_BADGES),
    credentialStatus: closed(LIST_ENTRY),
    credentialSubject: SUBJECT,
    evidence: listing(ROW, 1, MAX_ROWS),
    id: text(250),
    issuer: ISSUER,
    name: constant(TITLE),
    proof: later,
    type: constant(["VerifiableCredential", "OpenBadgeCredential"]),
    validFrom: passing(isMoment, "时刻", "a moment"),
  },
  credentialRule,
);

function isDaytime(value) {
  return value.endsWith(DAYTIME) && isDay(value.slice(0, -DAYTIME.length));
}

/** An array of exactly two, each with a check of its own. */
function pair(first, second) {
  return (value, where) => {
    listing(later, 2, 2)(value, where);
    first(value[0], `${where}[0]`);
    second(value[1], `${where}[1]`);
  };
}

/** The learner's id, then the employer and the masked number, in this order, where they are there. */
function checkIdentifiers(value, where) {
  listing(
    closed({ hashed: boolean, identityHash: later, identityType: oneOf(...IDENTITIES.keys()), type: later }),
    1,
    3,
  )(value, where);
  const types = value.map((element) => element.identityType);
  const places = types.map((type) => [...IDENTITIES.keys()].indexOf(type));
  need(places[0] === 0 && isAscending(places), `${where} 的次序不对`, `${where} is not in order`);
  value.forEach((element, i) => IDENTITIES.get(types[i])(element, `${where}[${i}]`));
}

const isBetween = (digits, low, high) => decimal(digits) !== null && low <= decimal(digits) && decimal(digits) <= high;
const isHours = (value, low, high) => matches(value, HOURS) && low <= hundredths(value) && hundredths(value) <= high;
const hundredths = (hours) => Number(hours.replace(".", ""));

/** What a row says in its texts: the members of a row in what `--json` prints. */
function readRow(row, where) {
  const [description, narrative] = [readDescription(row.genre, row.description), NARRATIVE.exec(row.narrative)?.groups];
  need(description, `${where}.description 不是规定的格式`, `${where}.description is not of the form that is laid down`);
  const isStudy = row.genre !== "activity";
  const isSound =
    narrative &&
    (isStudy ? isHours(narrative.hours ?? "", 1, 100_00) : narrative.hours === undefined) &&
    isMoment(narrative.sealedAt) &&
    decimal(narrative.height) !== null &&
    isBetween(narrative.index, 0, 65535);
  need(isSound, `${where}.narrative 不是规定的格式`, `${where}.narrative is not of the form that is laid down`);
  return {
    title: row.name,
    course_code: description.code ?? null,
    provider: description.provider,
    form: row.genre,
    form_reason: description.reason ?? null,
    first_day: description.from ?? description.to,
    last_day: description.to,
    hours: isStudy ? hundredths(narrative.hours) : null,
    attendees: isStudy ? null : Number(description.attendees),
    sealed_at: narrative.sealedAt,
    attestation_number: `${narrative.height}-${narrative.index}`,
    commitment: EVIDENCE_ID.exec(row.id).groups.commitment,
  };
}

/** The parts of a description; null when it is not of the form. A provider or a reason may hold the words between them:
 *  the first good reading counts, which is the one with the longest reason. */
function readDescription(genre, description) {
  const good = (found, reason) => {
    if (!found) return null;
    const { provider, from = found.groups.to, to, attendees = "1" } = found.groups;
    const isSound = [provider, reason ?? provider].every(isName) && areDays(from, to) && isBetween(attendees, 1, 100_000);
    return isSound ? { ...found.groups, reason } : null;
  };
  if (genre === "activity") return good(ORGANISED.exec(description));
  if (genre !== "other") return good(COURSE.exec(description));
  for (let at = description.indexOf(REASON); at >= 0; at = description.indexOf(REASON, at + 1)) {
    const found = good(COURSE.exec(description.slice(0, at)), description.slice(at + REASON.length));
    if (found !== null) return found;
  }
  return null;
}

/** Whether this is a text of up to 200. */
function isName(value) {
  try {
    text(200)(value, "");
    return true;
  } catch {
    return false;
  }
}

function credentialRule(value, where) {
  const { credentialSubject: subject, credentialStatus: status, issuer } = value;
  const number = subject.achievement.humanCode;
  const site = value.id.slice(0, -`/v/${number}`.length);
  need(value.id === `${site}/v/${number}` && isSite(site), `${where}.id 与证书编号不符`, `${where}.id is not a site with the number`);
  need(
    subject.activityStartDate <= subject.activityEndDate,
    `${where}：起止日期次序有误`,
    `${where}: the span ends before it begins`,
  );
  const code = issuer.otherIdentifier[0].identifier;
  const isOwn = number.split("-")[1] === dayOf(value.validFrom).slice(0, 4) && number.split("-")[2] === code.slice(2, 8);
  need(isOwn, "证书编号与签发年份、签发机构地区不符", "the number does not fit the year of issue and the region of the issuer");
  const list = status.statusListCredential.split("/").at(-1);
  const isStatus =
    status.statusListCredential === `${site}/status/${list}` &&
    isBetween(list, 1, MAX_LIST) &&
    status.id === `${status.statusListCredential}#${status.statusListIndex}`;
  need(isStatus, `${where}.credentialStatus 不合格`, `${where}.credentialStatus is malformed`);
  const isLearner = subject.id === `urn:uuid:${subject.identifier[0].identityHash}`;
  need(isLearner, `${where}.credentialSubject 有两个学员编号`, `${where}.credentialSubject has two learner ids`);
  const ids = value.evidence.map((row) => row.id);
  need(new Set(ids).size === ids.length, `${where}.evidence 重复`, `${where}.evidence names an entry twice`);
  const origins = new Set(ids.map((id) => EVIDENCE_ID.exec(id).groups.origin));
  need(origins.size === 1, `${where}.evidence 涉及多个账本`, `${where}.evidence is of several ledgers`);
  need(matches(originOf(value), ORIGIN), `${where}.evidence 的账本名不合格`, `${where}.evidence has a malformed origin`);
  checkProofs(value, issuer.id, site, where);
}

/** The ledger that the evidence of a credential names. */
function originOf(value) {
  return EVIDENCE_ID.exec(value.evidence[0].id).groups.origin.replaceAll("%2F", "/").replaceAll("%3A", ":");
}

/** The day of a moment in UTC+8. */
function dayOf(moment) {
  return new Date(Date.parse(moment) + 8 * 3_600_000).toISOString().slice(0, 10);
}

/** Whether this is `<site>`: a scheme and a host with an optional port. */
function isSite(text) {
  const [, host, port] = /^https?:\/\/([-a-z0-9.]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/.exec(text) ?? [];
  if (host === undefined || text.length > 200 || Number(port ?? 1) > 65535) return false;
  return host.startsWith("[") ? isAddress6(host) : isDomain(host) || isAddress4(host);
}

const isDomain = (host) => !/(?:^|\.)[0-9]+$/.test(host) && host.split(".").every((label) => /^(?!-)[-a-z0-9]{1,63}$(?<!-)/.test(label));
const isAddress4 = (host) => host.split(".").length === 4 && host.split(".").every((part) => isBetween(part, 0, 255));

/** An IPv6 address in brackets, as RFC 5952 spells it. The platform spells all but those that hold an IPv4 address so. */
function isAddress6(host) {
  const [, inside] = /^\[::ffff:(.*)\]$/.exec(host) ?? [];
  if (inside?.includes(".")) return isAddress4(inside);
  if (inside?.split(":").length === 2) return false; // it holds an IPv4 address as well
  try {
    return new URL(`http://${host}`).hostname === host;
  } catch {
    return false;
  }
}

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** The bytes of a multibase text in base58btc, of which there must be `length`; null otherwise. */
function unbase58(text, length) {
  if (!matches(text, `z[${BASE58}]{1,100}`)) return null;
  let number = 0n;
  for (const char of text.slice(1)) number = number * 58n + BigInt(BASE58.indexOf(char));
  const digits = number === 0n ? "" : number.toString(16);
  const zeros = "00".repeat(/^z(1*)/.exec(text)[1].length);
  const bytes = unhex(zeros + digits.padStart(2 * Math.ceil(digits.length / 2), "0"));
  return bytes.length === length ? bytes : null;
}

/** The public key of a multikey; null otherwise. */
function readMultikey(text) {
  const bytes = unbase58(text, 34);
  return bytes?.[0] === 0xed && bytes[1] === 0x01 && isSoundKey(bytes.subarray(2)) ? bytes.subarray(2) : null;
}

/** Section 15: the form of both proofs, and that the DID is the one of this site and key. */
function checkProofs(value, did, site, where) {
  const method = value.proof?.[0]?.verificationMethod;
  const multikey = typeof method === "string" ? method.slice(did.length + 1) : "";
  need(readMultikey(multikey) !== null, `${where}.proof 的公钥不合格`, `${where}.proof has no sound key`);
  const [, scheme, host] = /^(https?):\/\/(.*)$/.exec(site);
  const name = host.replace(/:[0-9]+$/, "");
  const isWeb = scheme === "https" && name !== "localhost" && isDomain(name);
  const expected = isWeb ? `did:web:${host.replace(":", "%3A")}` : `did:key:${multikey}`;
  need(did === expected, `${where}.issuer 的 DID 与网址和公钥不符`, `${where}.issuer: the DID is not that of the site and the key`);
  const proof = (suite, context) =>
    closed({
      ...context,
      created: constant(value.validFrom),
      cryptosuite: constant(suite),
      proofPurpose: constant("assertionMethod"),
      proofValue: passing((text) => unbase58(text, 64) !== null, " base58btc 的 64 字节", "64 bytes in base58btc"),
      type: constant("DataIntegrityProof"),
      verificationMethod: constant(`${did}#${multikey}`),
    });
  const [jcs, rdfc] = [proof("eddsa-jcs-2022", { "@context": constant(value["@context"]) }), proof("eddsa-rdfc-2022", {})];
  pair(jcs, rdfc)(value.proof, `${where}.proof`);
}

/** What credentials and status lists have in common: a document with the proofs of section 15. */
class SignedDocument {
  steps = [];

  constructor(bytes, run) {
    this.bytes = bytes;
    this.run = run;
  }

  /** The value of the document, by its schema. */
  read(schema, where) {
    need(this.bytes.length <= CREDENTIAL_LIMIT, "超过 1 MiB", "it is longer than 1 MiB");
    const text = decode(this.bytes);
    need(text !== null, "不是 UTF-8", "it is not UTF-8");
    const value = readJson(text);
    schema(value, where);
    this.value = value;
    this.sha256 = hex(sha256(this.bytes));
    this.publicKey = readMultikey(value.proof[0].verificationMethod.split("#")[1]);
    this.keyId = keyId({ alg: "Ed25519", public: hex(this.publicKey) });
  }

  /** The members stand in their order, so that JSON.stringify() writes canonical JSON again. */
  async proof() {
    const { proof, ...document } = this.value;
    const { proofValue, ...options } = proof[0];
    const hashes = [options, document].map((part) => sha256(encode(JSON.stringify(part))));
    if (!(await supported())) throw UNSUPPORTED;
    const isValid = await isSignature(this.publicKey, unbase58(proofValue, 64), join(...hashes));
    need(isValid, "签名无效：内容与签名不符", "the signature is not valid: the content is not what was signed");
    return new Said("eddsa-jcs-2022 签名有效", "the eddsa-jcs-2022 proof is valid");
  }

  proof_rdfc() {
    throw new Skipped("此处不需要：链上摘要已覆盖此签名", "not needed here: the digest on the chain covers this proof");
  }
}

/** An hour certificate. The methods named in `stages` are its steps (section 16). */
class Credential extends SignedDocument {
  static mark = '"OpenBadgeCredential"';
  kind = "credential";
  stages = { alone: ["form", "proof", "proof_rdfc"], together: ["issued", "issuer", "evidence"], last: ["in_force"] };
  server = null; // the serving bundle, and its certificate entry
  counted = null; // the entries that it counts

  form() {
    this.read(CREDENTIAL, "credential");
    this.origin = originOf(this.value);
    this.number = this.value.credentialSubject.achievement.humanCode;
    this.certificate = claimsOf(this.value, this.sha256);
    return new Said(`证书 ${this.number}`, `certificate ${this.number}`);
  }

  /** The bundles that serve this credential, each with its certificate entry; none unless `form` has passed. */
  serving() {
    if (this.certificate === undefined) return [];
    return this.ofLedger().flatMap((bundle) => {
      const entries = certificateEntries(bundle, "credential", this.number);
      return entries.filter(({ signed }) => signed.entry.sha256 === this.sha256).map((entry) => ({ bundle, entry }));
    });
  }

  /** The bundles of its ledger without a failed step. */
  ofLedger() {
    return this.run.sound(Bundle).filter((bundle) => bundle.origin === this.origin);
  }

  issued() {
    if (this.server === null) {
      const another = this.ofLedger().some((bundle) => certificateEntries(bundle, "credential", this.number).length > 0);
      need(!another, "链上此编号是另一份证书的摘要", "the chain has another digest for this number");
      throw new Open("没有证明包证明此证书已上链", "no bundle proves that this certificate was issued");
    }
    const { block, index, sealedAt } = this.server.entry;
    const isAfter = this.value.validFrom <= sealedAt;
    need(isAfter, "签发时间晚于上链时间", "it is dated after the block that holds its digest");
    return new Said(
      `摘要已于 ${sealedAt} 上链，存证编号 ${block}-${index}`,
      `its digest was sealed at ${sealedAt}, attestation number ${block}-${index}`,
    );
  }

  issuer() {
    if (this.server === null) throw NOT_ISSUED;
    const { bundle, entry } = this.server;
    const { signatures } = entry.signed;
    const isOwn = signatures.length === 1 && signatures[0].key === this.keyId;
    need(isOwn, "链上的签发记录不是由证书的签名密钥签署", "the certificate entry is not signed by exactly the key of the proofs");
    const { name, otherIdentifier } = this.value.issuer;
    const owner = bundle.register.keys.get(this.keyId)?.owner;
    const [code] = otherIdentifier.map(({ identifier }) => identifier);
    need(owner?.code === code, `issuer 的代码 ${code} 与登记册不符`, `issuer: the code ${code} is not that of the register`);
    need(owner.name === name, `issuer 的名称与登记册不符：${owner.name}`, `issuer: the register has the name ${owner.name}`);
    const bad = this.ofLedger().some(({ register }) => isCompromised(register.keys.get(this.keyId), entry.block));
    need(!bad, "签发密钥当时已泄露", "the key of the issuer was compromised by then");
    const { state } = bundle.steps.find(({ step }) => step === "checkpoint");
    if (state !== "passed") {
      throw new Open("证明包的检查点未通过核验", "the checkpoint of the serving bundle has not passed");
    }
    return new Said(`${name}（${code}）`, `${name} (${code})`);
  }

  evidence() {
    if (this.server === null) throw NOT_ISSUED;
    const { bundle, entry: own } = this.server;
    const items = bundle.entries.filter((item) => comparePlaces(item, own) !== 0);
    const kinds = ["study", "activity", "correction"];
    const stranger = items.find((item) => !kinds.includes(item.signed.entry.kind));
    need(stranger === undefined, "证明包含有其他种类的记录", "the serving bundle holds an entry of another kind");
    const corrections = new Corrections(items.map((item) => new Entry(bundle, item)));
    const { missing } = corrections;
    need(missing === null, "证明包缺少被更正的记录", "the serving bundle lacks the target of a correction");
    const counted = corrections.entries
      .filter(({ entry }) => entry.kind !== "correction")
      .map((first) => ({ first, last: corrections.last(first) }))
      .filter(({ last }) => last.says() !== null)
      .sort((a, b) => comparePlaces(a.last, b.last));
    this.compare(bundle, counted, own.signed.entry.rulebook);
    this.counted = counted.map(({ last }) => last);
    return new Said(
      `${counted.length} 行与链上记录逐项相符，合计无误`,
      `${counted.length} rows are what the entries say, and add up`,
    );
  }

  /** That the credential says what the counted entries say, and nothing else. */
  compare(bundle, counted, rulebook) {
    const { credentialSubject: subject, evidence } = this.value;
    const expect = (where, value, expected) =>
      need(value === expected, `${where} 应为 ${expected}，证书写 ${value}`, `${where} should be ${expected}, and is ${value}`);
    expect("evidence.length", evidence.length, counted.length);
    const [from, to] = [subject.activityStartDate, subject.activityEndDate].map((day) => day.slice(0, -DAYTIME.length));
    let [hours, activities] = [0, 0];
    counted.forEach(({ first, last }, i) => {
      const { id, name } = last.entry.learner;
      expect("credentialSubject.id", subject.id, `urn:uuid:${id}`);
      expect("credentialSubject.name", subject.name, name);
      const said = last.says();
      const day = said.last_day ?? said.date;
      need(from <= day && day <= to, `evidence[${i}] 的日期 ${day} 不在起止日期内`, `evidence[${i}]: ${day} is not in the span`);
      const expected = rowOf(bundle, first, last, said);
      for (const [member, value] of Object.entries(expected)) expect(`evidence[${i}].${member}`, evidence[i][member], value);
      hours += said.hours ?? 0;
      activities += said.kind === "activity" ? 1 : 0;
    });
    expect("credentialSubject.result[0].value", subject.result[0].value, decimals(hours));
    expect("credentialSubject.result[1].value", subject.result[1].value, String(activities));
    expect("credentialSubject.achievement.criteria", this.certificate.rulebook, rulebook);
  }

  in_force() {
    const counted = this.counted ?? [];
    const corrected = this.ofLedger()
      .flatMap((bundle) => bundle.entries)
      .map(({ signed }) => signed.entry.target?.commitment) // only the target of a correction has one
      .some((commitment) => counted.some((entry) => entry.commitment === commitment));
    need(!corrected, "所列记录后来被更正", "an entry that it holds was corrected later");
    const { moment } = this.run;
    const { statusListCredential, statusListIndex } = this.value.credentialStatus;
    const lists = this.run
      .sound(StatusList)
      .filter(
        ({ value, owners }) =>
          value.id === statusListCredential &&
          owners.get(this.origin) === this.value.issuer.otherIdentifier[0].identifier &&
          value.validFrom <= moment &&
          moment < value.validUntil,
      );
    const newest = lists.map(({ value }) => value.validFrom).sort().at(-1); // moments sort as texts
    const isSet = lists.some((list) => list.value.validFrom === newest && list.isSet(Number(statusListIndex)));
    need(!isSet, "状态清单：已撤销或已更正", "the status list says: revoked or corrected");
    if (newest === undefined) {
      throw new Open(`没有涵盖 ${moment} 的状态清单`, `no status list that covers ${moment} has passed`);
    }
    if (this.counted === null) throw new Open("所列记录未能核验", "its entries could not be checked");
    return new Said(
      `状态清单（${newest}）：未撤销`,
      `the status list of ${newest} says: not revoked`,
    );
  }
}

const NOT_ISSUED = new Open("签发未能核验", "whether it was issued could not be checked");
const isCompromised = (key, height) => (key?.compromisedFrom ?? Infinity) <= height;
const decimals = (hundredths) => `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;

/** Section 14: the row of a counted entry. `first` is the study or activity entry, `last` what corrected it in the end. */
function rowOf(bundle, first, last, said) {
  const provider = bundle.register.keys.get(first.signer)?.owner.name;
  const { time } = bundle.blocks.get(last.block).block;
  const sealed = `上链时间 ${time}；存证编号 ${last.block}-${last.index}`;
  const origin = bundle.origin.replaceAll("/", "%2F").replaceAll(":", "%3A");
  const id = `urn:cqo-ledger:${origin}:${last.commitment}`;
  if (said.kind === "activity") {
    const description = `培训机构 ${provider}；${said.date}；参加人数 ${said.attendees}`;
    return { id, genre: "activity", name: said.topic, description, narrative: `组织培训活动 1 次；${sealed}` };
  }
  const reason = said.form === "other" ? `；形式说明 ${said.form_reason}` : "";
  const { code, title } = said.course;
  const description = `课程 ${code}；培训机构 ${provider}；${said.first_day} 至 ${said.last_day}${reason}`;
  return { id, genre: said.form, name: title, description, narrative: `${decimals(said.hours)} 学时；${sealed}` };
}

/** What a certificate says, to be held against the paper: the table after section 16. */
function claimsOf(value, digest) {
  const { credentialSubject: subject, credentialStatus: status, issuer } = value;
  const { achievement, identifier, result } = subject;
  const known = (type) => identifier.find(({ identityType }) => identityType === type)?.identityHash ?? null;
  const { minutes, rulebook } = new RegExp(`^${CRITERIA}$`).exec(achievement.criteria.narrative).groups;
  return {
    number: achievement.humanCode,
    name: subject.name,
    learner: known("systemId"),
    employer: known("ext:employer"),
    id_number: known("nationalIdentityNumber"),
    first_day: subject.activityStartDate.slice(0, 10),
    last_day: subject.activityEndDate.slice(0, 10),
    rows: value.evidence.map((row, i) => readRow(row, `evidence[${i}]`)),
    total: hundredths(result[0].value),
    activities: Number(result[1].value),
    minutes: Number(minutes),
    rulebook,
    issuer: { code: issuer.otherIdentifier[0].identifier, name: issuer.name, did: issuer.id },
    issued: value.validFrom,
    origin: originOf(value),
    address: value.id,
    status: { list: status.statusListCredential, index: Number(status.statusListIndex) },
    sha256: digest,
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Section 16: status lists
// ---------------------------------------------------------------------------------------------------------------------

const LIST = closed(
  {
    "@context": constant(CONTEXT),
    credentialSubject: closed({
      encodedList: shaped("u[-_A-Za-z0-9]+"),
      id: text(250),
      statusPurpose: constant("revocation"),
      type: constant("BitstringStatusList"),
    }),
    id: text(250),
    issuer: text(300),
    proof: later,
    type: constant(["VerifiableCredential", "BitstringStatusListCredential"]),
    validFrom: passing(isMoment, "时刻", "a moment"),
    validUntil: passing(isMoment, "时刻", "a moment"),
  },
  listRule,
);

function listRule(value, where) {
  const number = value.id.split("/").at(-1);
  const site = value.id.slice(0, -`/status/${number}`.length);
  const isList = value.id === `${site}/status/${number}` && isSite(site) && isBetween(number, 1, MAX_LIST);
  need(isList, `${where}.id 不合格`, `${where}.id is malformed`);
  const isOwn = value.credentialSubject.id === `${value.id}#list`;
  need(isOwn, `${where}.credentialSubject.id 与 id 不符`, `${where}.credentialSubject.id is not that of the list`);
  const isSpan = value.validFrom < value.validUntil;
  need(isSpan, `${where}.validUntil 不晚于 validFrom`, `${where}.validUntil is not after validFrom`);
  checkProofs(value, value.issuer, site, where);
}

/** A status list. The methods named in `stages` are its steps. */
class StatusList extends SignedDocument {
  static mark = '"BitstringStatusListCredential"';
  kind = "status";
  stages = { alone: ["form", "proof", "proof_rdfc"], together: ["issuer"] };
  owners = new Map(); // origin of a ledger by which its key is good -> the credit code of whoever owns it

  async form() {
    this.read(LIST, "list");
    this.number = decimal(this.value.id.split("/").at(-1));
    this.bits = await gunzip(unbase64url(this.value.credentialSubject.encodedList.slice(1)), LIST_BYTES);
    need(this.bits?.length === LIST_BYTES, "encodedList 不是 16384 字节的 gzip", "encodedList is not the gzip of 16,384 bytes");
    const { validFrom, validUntil } = this.value;
    return new Said(
      `第 ${this.number} 号状态清单，${validFrom} 至 ${validUntil}`,
      `status list ${this.number}, from ${validFrom} to ${validUntil}`,
    );
  }

  isSet(index) {
    return (this.bits[index >> 3] & (0x80 >> (index & 7))) !== 0;
  }

  issuer() {
    const isTrusted = ({ steps }) => steps.some(({ step, state }) => step === "checkpoint" && state === "passed");
    const bundles = this.run.sound(Bundle).filter(isTrusted);
    let isRevoked = false;
    for (const origin of new Set(bundles.map((bundle) => bundle.origin))) {
      const ofLedger = bundles.filter((bundle) => bundle.origin === origin);
      const longest = ofLedger.reduce((a, b) => (b.elements.length > a.elements.length ? b : a));
      const key = longest.register.keys.get(this.keyId);
      if (key === undefined) continue;
      const works = key.role === "issuer" && key.kinds.includes("status") && key.ended === null;
      if (works || ofLedger.some((bundle) => this.isSealedIn(bundle, key))) this.owners.set(origin, key.owner.code);
      isRevoked ||= key.isRevoked;
    }
    if (this.owners.size === 0) {
      need(!isRevoked, "签名密钥已被吊销", "its key has been revoked");
      throw new Open("没有证明包证明此密钥可以签发状态清单", "no bundle shows that its key may sign status lists");
    }
    return new Said(
      `签名密钥属于 ${[...this.owners.values()].join("、")}`,
      `signed by a key of ${[...this.owners.values()].join(", ")}`,
    );
  }

  /** Whether a bundle proves a status entry with this very list, signed by its key before that was compromised. */
  isSealedIn(bundle, key) {
    return bundle.entries.some(
      ({ block, signed: { entry, signatures } }) =>
        entry.kind === "status" &&
        entry.list === this.number &&
        entry.sha256 === this.sha256 &&
        signatures.some((signature) => signature.key === this.keyId) &&
        !isCompromised(key, block),
    );
  }
}

/** base64url without padding, in its only canonical spelling; null otherwise. */
function unbase64url(text) {
  return unbase64(text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (text.length % 4)) % 4));
}

// ---------------------------------------------------------------------------------------------------------------------
// Inflating (RFC 1950 to 1952)
// ---------------------------------------------------------------------------------------------------------------------

/** What some bytes inflate to, when that is at most `limit` bytes; null otherwise, or when they end early. */
async function inflateSome(bytes, format, limit) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format)).getReader();
  const parts = [];
  try {
    for (let length = 0; ;) {
      const { done, value } = await reader.read();
      if (done) return join(...parts);
      length += value.length;
      if (length > limit) return null;
      parts.push(value);
    }
  } catch {
    return null;
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The same, when not a byte follows the end. Platforms differ in whether they let something follow; none takes a
 *  stream whose last byte is missing for a whole one, unless that byte was none of it. */
async function inflate(bytes, format, limit) {
  const isLoose = (await inflateSome(bytes.subarray(0, -1), format, limit)) !== null;
  return isLoose ? null : inflateSome(bytes, format, limit);
}

/** What one member of gzip holds; null when it is anything else. Its head and its end are read here, since platforms
 *  differ in what they make of several members. */
async function gunzip(bytes, limit) {
  const [flags, end] = [bytes?.[3], bytes?.length - 8];
  if (!(end >= 10) || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8 || flags > 0x1f) return null;
  let at = 10;
  if (flags & 4) at += 2 + bytes[at] + 256 * bytes[at + 1]; // extra field
  for (const flag of [8, 16]) if (flags & flag) at = bytes.indexOf(0, at) + 1 || Infinity; // name, comment
  if (flags & 2) {
    // check of the head
    if (at + 2 > end || (crc32(bytes.subarray(0, at)) & 0xffff) !== bytes[at] + 256 * bytes[at + 1]) return null;
    at += 2;
  }
  const data = at < end ? await inflate(bytes.subarray(at, end), "deflate-raw", limit) : null;
  const tail = new DataView(bytes.buffer, bytes.byteOffset + end);
  return data !== null && tail.getUint32(0, true) === crc32(data) && tail.getUint32(4, true) === data.length ? data : null;
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// Section 17: certificates on paper
// ---------------------------------------------------------------------------------------------------------------------

const PDF_HEADER = Uint8Array.from("%PDF-1.7\n%\x80\x80\x80\x80\n\n", (char) => char.charCodeAt(0));
const PDF_END = new RegExp(
  "^xref\n0 (?<size>[1-9][0-9]{0,7})\n0000000000 65535 f\r\n(?<places>(?:[0-9]{10} 00000 n\r\n)*)" +
    "trailer\n<</Size (?<again>[0-9]+)/Root (?<root>[1-9][0-9]{0,7}) 0 R/Info (?<info>[1-9][0-9]{0,7}) 0 R" +
    "/ID\\[(?:\\([A-Za-z0-9+/=]{24}\\)){2}\\]>>\nstartxref\n(?:0|[1-9][0-9]{0,7})\n%%EOF$",
);
const PDF_OBJECTS = 200_000;
const PDF_VALUE = 1024 * 1024;
const PDF_DEPTH = 16;
const ATTACHMENTS = [
  { name: "credential.json", limit: CREDENTIAL_LIMIT, relation: "/Source" },
  { name: "proof.json", limit: BUNDLE_LIMIT, relation: "/Supplement" },
];
/** How often these names occur in all objects together; those that never do come last. */
const PDF_NAMES = new Map([
  ...Object.entries({ AF: 1, AFRelationship: 2, Catalog: 1, EF: 2, EmbeddedFile: 2, EmbeddedFiles: 1 }),
  ...Object.entries({ F: 4, Filespec: 2, Names: 2, UF: 4 }),
  ...(
    "3D AA AcroForm Action Annot Annots Collection Encrypt Extensions FDecodeParms FFilter FS FileAttachment GoTo GoTo3DView " +
    "GoToE GoToR ImportData JS JavaScript Launch Linearized Movie OC OCG OCMD OCProperties ObjStm OpenAction PS Perms PieceInfo " +
    "RF Rendition RichMedia Screen Sound SubmitForm Threads URI Widget XFA XRef XRefStm"
  )
    .split(" ")
    .map((name) => [name, 0]),
]);

const pdfNeed = (condition, zh, en) => need(condition, `不是本系统所写的 PDF：${zh}`, `not a PDF of our writer: ${en}`);

/** Whether this is a dictionary with exactly these keys. */
const hasKeys = (value, keys) => value instanceof Map && value.size === keys.length && keys.every((key) => value.has(`/${key}`));
const isString = (value) => typeof value === "string" && /^[(<]/.test(value); // a dictionary is a Map

/** The number of bytes that a value tells; null for another value. */
const lengthIn = (value) => (typeof value === "string" && matches(value, "0|[1-9][0-9]{0,7}") ? Number(value) : null);

/** A value of the table "Values": a Map for a dictionary, an array, or the text of anything else as it is written. */
class PdfValue {
  at = 0;

  constructor(text, objects, names) {
    this.text = text;
    this.objects = objects;
    this.names = names; // counts all names that have been read
  }

  refuse(zh = "有不合规定的写法", en = "something is written otherwise than laid down") {
    pdfNeed(false, zh, en);
  }

  /** What stands here, by an expression with the flag y; null for something else. */
  take(expression) {
    expression.lastIndex = this.at;
    const found = expression.exec(this.text);
    if (found !== null) this.at = expression.lastIndex;
    return found?.[0] ?? null;
  }

  read(depth = 1) {
    switch (this.text[this.at]) {
      case "[":
        return this.array(depth);
      case "(":
        return this.string();
      case "/":
        return this.name();
      case "<":
        return this.text[this.at + 1] === "<" ? this.dictionary(depth) : (this.take(/<(?:[0-9A-F]{2})*>/y) ?? this.refuse());
    }
    const reference = this.take(/[1-9][0-9]{0,7} 0 R(?=[ /<>[\](]|$)/y);
    const isThere = reference === null || parseInt(reference) <= this.objects;
    pdfNeed(isThere, `没有对象 ${reference}`, `there is no object ${reference}`);
    return reference ?? this.take(/(?:-?[0-9]{1,16}(?:\.[0-9]{1,16})?|true|false|null)(?=[ /<>[\](]|$)/y) ?? this.refuse();
  }

  /** What holds other values, up to its end. */
  inside(depth, begin, end, one) {
    pdfNeed(depth <= PDF_DEPTH, `嵌套超过 ${PDF_DEPTH} 层`, `it nests deeper than ${PDF_DEPTH}`);
    this.at += begin.length;
    for (;;) {
      this.take(/ ?/y);
      if (this.text.startsWith(end, this.at)) break;
      one();
    }
    this.at += end.length;
  }

  array(depth) {
    const found = [];
    this.inside(depth, "[", "]", () => found.push(this.read(depth + 1)));
    return found;
  }

  dictionary(depth) {
    const found = new Map();
    this.inside(depth, "<<", ">>", () => {
      const key = this.name();
      pdfNeed(!found.has(key), `重复的键 ${key}`, `a dictionary has ${key} twice`);
      this.take(/ ?/y);
      found.set(key, this.read(depth + 1));
    });
    return found;
  }

  name() {
    const found = this.take(/\/(?:application#2Fjson|[-A-Za-z0-9._+:*]{1,100})(?=[ /<>[\](]|$)/y) ?? this.refuse();
    this.names.set(found.slice(1), (this.names.get(found.slice(1)) ?? 0) + 1);
    return found;
  }

  string() {
    const start = this.at;
    let open = 0;
    do {
      const part = this.take(/[()]|[ -'*-[\]-~]+|\\(?:[nrtbf()\\]|[0-3][0-7][0-7])/y) ?? this.refuse();
      open += part === "(" ? 1 : part === ")" ? -1 : 0;
    } while (open > 0);
    return this.text.slice(start, this.at);
  }
}

/** A PDF of our own writer, and of nothing else: whatever two readers could read differently is refused. */
class PdfReader {
  objects = []; // {value, data: the bytes of a stream, or null}; object 1 comes first
  names = new Map();

  constructor(bytes) {
    pdfNeed(bytes.length <= BUNDLE_LIMIT, "超过 16 MiB", "it is longer than 16 MiB");
    pdfNeed(beginsWith(bytes, PDF_HEADER), "文件头不符", "another header");
    this.bytes = bytes;
    this.text = new TextDecoder("latin1").decode(bytes); // one character a byte; only ASCII matters in it
    const places = this.readTable();
    this.count = places.length - 1;
    for (let number = 1; number < places.length; number++) this.readObject(number, places[number - 1], places[number]);
    for (const [name, count] of PDF_NAMES) {
      const found = this.names.get(name) ?? 0;
      pdfNeed(found === count, `/${name} 出现 ${found} 次，应为 ${count} 次`, `/${name} is there ${found} times, not ${count}`);
    }
  }

  /** The table and the trailer, which end the file; returns where each object begins, and where the last one ends. */
  readTable() {
    const start = /\nstartxref\n(0|[1-9][0-9]{0,7})\n%%EOF$/.exec(this.text.slice(-40));
    const table = Number(start?.[1] ?? Infinity);
    const found = PDF_END.exec(this.text.slice(table))?.groups;
    const size = Number(found?.size);
    const places = found?.places.match(/^[0-9]{10}/gm)?.map(Number) ?? [];
    const isWhole = 2 <= size && size <= PDF_OBJECTS + 1 && found.again === found.size && places.length === size - 1;
    pdfNeed(isWhole && Number(found.root) < size && Number(found.info) < size, "交叉引用表不合格", "a malformed table");
    pdfNeed(places[0] === PDF_HEADER.length, "对象 1 不在开头", "object 1 does not come first");
    this.root = `${found.root} 0 R`;
    return [...places, table];
  }

  /** One object, from where the table says to where the next one begins. */
  readObject(number, start, end) {
    const [head, tail] = [`${number} 0 obj\n`, "\nendobj\n"];
    const [from, to] = [start + head.length, end - tail.length];
    const isFramed = from <= to && this.text.startsWith(head, start) && this.text.startsWith(tail, to);
    pdfNeed(isFramed, `对象 ${number} 不在表中所说之处`, `object ${number} is not where the table says`);
    const line = this.text.slice(from, Math.min(to, this.text.indexOf("\n", from))); // no value goes on behind it
    const reader = new PdfValue(line, this.count, this.names);
    const value = reader.read();
    const isOne = reader.at === line.length && line.length <= PDF_VALUE;
    pdfNeed(isOne, `对象 ${number} 不是一个值`, `object ${number} is not one value`);
    const data = from + line.length === to ? null : this.stream(number, value, from + line.length, to);
    this.objects.push({ value, data });
  }

  /** The data of the stream between a dictionary and the end of its object. */
  stream(number, dictionary, start, end) {
    const [head, tail] = ["\nstream\n", "\nendstream"];
    const length = dictionary instanceof Map ? lengthIn(dictionary.get("/Length")) : null;
    const isStream =
      length !== null &&
      start + head.length + length + tail.length === end &&
      this.text.startsWith(head, start) &&
      this.text.startsWith(tail, end - tail.length);
    pdfNeed(isStream, `对象 ${number} 的流不合格`, `object ${number} has a malformed stream`);
    return this.bytes.subarray(start + head.length, end - tail.length);
  }

  /** The object that a reference names. */
  named(reference) {
    return this.objects[parseInt(reference) - 1];
  }

  /** The bytes of the two attachments, which /AF and the name tree both name. */
  async attachments() {
    const { value: catalog, data } = this.named(this.root);
    const others = "Pages Metadata OutputIntents Lang StructTreeRoot MarkInfo ViewerPreferences Outlines".split(" ");
    const isCatalog = data === null && hasKeys(catalog, ["Type", "Names", "AF", ...others]) && catalog.get("/Type") === "/Catalog";
    const names = isCatalog ? catalog.get("/Names") : null;
    const tree = hasKeys(names, ["EmbeddedFiles"]) ? names.get("/EmbeddedFiles") : null;
    const [pairs, associated] = hasKeys(tree, ["Names"]) ? [tree.get("/Names"), catalog.get("/AF")] : [];
    const isTwo =
      [pairs, associated].every(Array.isArray) &&
      same(pairs, ["(credential.json)", associated[0], "(proof.json)", associated[1]]) &&
      associated.length === 2 &&
      associated.every(isReference);
    pdfNeed(isTwo, "没有恰好两个附件", "the catalog does not have exactly the two attachments");
    const streams = ATTACHMENTS.map((attachment, i) => this.streamOf(associated[i], attachment));
    pdfNeed(streams[0] !== streams[1], "两个附件是同一个流", "both attachments are one stream");
    return [await this.content(streams[0], ATTACHMENTS[0]), await this.content(streams[1], ATTACHMENTS[1])];
  }

  /** The reference of the stream that a file specification names. */
  streamOf(reference, { name, relation }) {
    const { value: spec, data } = this.named(reference);
    const isSpec =
      data === null &&
      hasKeys(spec, ["Type", "F", "UF", "EF", "AFRelationship", "Desc"]) &&
      spec.get("/Type") === "/Filespec" &&
      spec.get("/F") === `(${name})` &&
      spec.get("/UF") === `(${name})` &&
      spec.get("/AFRelationship") === relation &&
      isString(spec.get("/Desc"));
    const files = isSpec ? spec.get("/EF") : null;
    const stream = hasKeys(files, ["F", "UF"]) && files.get("/F") === files.get("/UF") ? files.get("/F") : null;
    pdfNeed(isReference(stream), `${name} 的文件说明不合格`, `the file specification of ${name}`);
    return stream;
  }

  async content(reference, { name, limit }) {
    const { value: stream, data } = this.named(reference);
    const parameters = data !== null && hasKeys(stream, ["Length", "Type", "Filter", "Subtype", "Params"]) && stream.get("/Params");
    const isPlain =
      hasKeys(parameters, ["Size", "ModDate"]) &&
      isString(parameters.get("/ModDate")) &&
      stream.get("/Type") === "/EmbeddedFile" &&
      stream.get("/Filter") === "/FlateDecode" &&
      stream.get("/Subtype") === "/application#2Fjson";
    const size = isPlain ? lengthIn(parameters.get("/Size")) : null;
    const isSound = size !== null && size <= limit && data[0] === 0x78 && data[1] === 0x9c;
    pdfNeed(isSound, `${name} 的流不合格`, `the stream of ${name}`);
    const bytes = await inflate(data, "deflate", size);
    pdfNeed(bytes?.length === size, `${name} 的压缩数据不合格`, `${name} does not inflate to exactly ${size} bytes`);
    return bytes;
  }
}

const isReference = (value) => typeof value === "string" && value.endsWith(" 0 R");

/** A certificate on paper, with its credential and proof attached. The methods named in `stages` are its steps. */
class Pdf {
  static mark = encode("%PDF-");
  kind = "pdf";
  stages = { alone: ["form"], together: ["printed_page"] };
  steps = [];
  attached = []; // the names of the attachments, and the files that they are

  constructor(bytes, run) {
    this.bytes = bytes;
    this.run = run;
  }

  async form() {
    this.sha256 = hex(sha256(this.bytes));
    const [credential, proof] = await new PdfReader(this.bytes).attachments();
    this.credential = new Credential(credential, this.run);
    const files = [this.credential, new Bundle(proof, this.run)];
    this.attached = ATTACHMENTS.map(({ name }, i) => [name, files[i]]);
    this.bytes = null;
    return new Said("两个附件：credential.json 与 proof.json", "two attachments: credential.json and proof.json");
  }

  printed_page() {
    const { number, origin } = this.credential;
    const bundles = this.run.sound(Bundle).filter((bundle) => number !== undefined && bundle.origin === origin);
    const found = bundles
      .flatMap((bundle) => certificateEntries(bundle, "pdf", number))
      .find((item) => item.signed.entry.sha256 === this.sha256);
    if (found === undefined) {
      throw new Open(
        "没有证明包证明此 PDF 的摘要：附件有效并不说明印刷页面与之一致，请与所示字段逐项核对",
        "no bundle proves the digest of this PDF: valid attachments say nothing about the printed page, so compare it with the fields shown",
      );
    }
    return new Said(`此 PDF 的摘要已于 ${found.sealedAt} 上链`, `the digest of this PDF was sealed at ${found.sealedAt}`);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Checking files
// ---------------------------------------------------------------------------------------------------------------------

const STOPPED = new Open("前面的步骤未通过，未继续核验", "an earlier step failed");

/** Runs steps of a file, or of all together: each is passed, failed, not needed, or could not be checked. */
async function perform(checked, names) {
  for (const name of names ?? []) {
    let [state, detail] = ["open", STOPPED];
    if (!hasFailed(checked.steps)) {
      try {
        detail = await checked[name]();
        state = "passed";
      } catch (reason) {
        if (!(reason instanceof Said) || reason instanceof Misuse) throw reason;
        detail = reason;
        state = reason instanceof Failed ? "failed" : reason instanceof Skipped ? "skipped" : "open";
      }
    }
    checked.steps.push({ step: name, state, detail: detail.en, detail_zh: detail.zh });
  }
}

const beginsWith = (bytes, mark) => same(bytes.subarray(0, mark.length), mark);

/** The kind of file that some bytes are, by their content. Once recognised, whatever is wrong with it fails its step
 *  `form`. */
function recognise(bytes) {
  if (bytes === null) throw new Misuse("无法读取文件", "the file cannot be read");
  for (const Kind of [BlockProof, Pdf]) if (beginsWith(bytes, Kind.mark)) return Kind;
  const text = bytes.length <= BUNDLE_LIMIT ? decode(bytes) : null;
  const Kind = [Bundle, Credential, StatusList].find(({ mark }) => text?.includes(mark));
  if (Kind !== undefined) return Kind;
  throw new Misuse(
    "不认识这种文件：不是 PDF、16 MiB 以内的证书、证明包、状态清单，也不是 tlog-proof",
    "not a kind of file that is checked here: no PDF, credential, proof bundle or status list of at most 16 MiB, and no tlog-proof",
  );
}

/** One run: the files, and what is asked of them. */
class Run {
  files = [];

  constructor({ policy, at, leaf, now }) {
    for (const moment of [at, now]) {
      const isSound = moment === null || isMoment(moment);
      if (!isSound) throw new Misuse("时刻应形如 2026-11-22T08:00:00.123Z", "a moment looks like 2026-11-22T08:00:00.123Z");
    }
    this.at = at;
    this.moment = at ?? now;
    this.leaf = leaf;
    try {
      this.policy = policy === null ? null : new Policy(policy);
    } catch (reason) {
      throw reason instanceof Failed ? new Misuse(reason.zh, reason.en) : reason;
    }
  }

  /** Those of a kind without a failed step. */
  sound(Kind) {
    return this.all(Kind).filter((file) => !hasFailed(file.steps));
  }

  all(Kind) {
    return this.files.filter((file) => file instanceof Kind);
  }

  /** Judges a file alone, and then what is attached to it. */
  async take(name, file, reports) {
    this.files.push(file);
    reports.push({ name, file });
    await perform(file, file.stages.alone);
    for (const [attachment, other] of file.attached ?? []) await this.take(`${name}#${attachment}`, other, reports);
  }

  /** Everything about all files: first each alone, then with the others, then what depends on all of that. */
  async judge(given, status) {
    if (given.length === 0) throw new Misuse("未给出文件", "no file was given");
    const reports = [];
    for (const [place, { name, bytes }] of [...given, ...status].entries()) {
      try {
        const Kind = recognise(bytes);
        if (place >= given.length && Kind !== StatusList) throw new Misuse("不是状态清单", "not a status list");
        const file = new Kind(bytes, this);
        await this.take(name, file, reports);
      } catch (reason) {
        if (!(reason instanceof Misuse)) throw reason;
        reports.push({ name, error: reason });
      }
    }
    for (const file of this.all(Credential)) file.server = file.serving()[0] ?? null;
    for (const stage of ["together", "last"]) {
      for (const file of this.files) await perform(file, file.stages[stage]);
    }
    const joint = new Joint(this.files);
    await perform(joint, joint.stages.alone);
    const states = new Set([...this.files, joint].flatMap(({ steps }) => steps.map((step) => step.state)));
    const isUnreadable = reports.some(({ error }) => error !== undefined);
    return {
      exit: states.has("failed") ? 1 : isUnreadable ? 2 : states.has("open") ? 3 : 0,
      files: reports.map(asReport),
      joint: { steps: joint.steps, learners: joint.learners },
    };
  }
}

function asReport({ name, file, error }) {
  if (file === undefined) return { file: name, kind: null, steps: [], error: error.en, error_zh: error.zh };
  const report = { file: name, kind: file.kind, steps: file.steps };
  return file.certificate ? { ...report, certificate: file.certificate } : report;
}

function fault(reason) {
  const { zh, en } = reason instanceof Misuse ? reason : new Said(`程序故障：${reason}`, `internal fault: ${reason}`);
  return { exit: 2, files: [], joint: { steps: [], learners: [] }, error: en, error_zh: zh };
}

/** Checks files together: `files` are `{name, bytes}`, without bytes (null) where one could not be read. Options, each of
 *  which may be null: `policy`, the bytes of a C2SP trust policy, from elsewhere than the files; `status`, further files
 *  with status lists; `at`, the moment asked for; `leaf`, the block text of a block proof; `now`, the moment for which a
 *  certificate is in force when `at` is not given. Answers what `--json` prints, and for a credential of the right form
 *  `certificate`, the fields to show. Never throws: a fault of this program is neither a pass nor a failure. */
export async function verifyFiles(files, { policy, status, at, leaf, now } = {}) {
  try {
    const run = new Run({ policy: policy ?? null, at: at ?? null, leaf: leaf ?? null, now: now ?? new Date().toISOString() });
    return await run.judge(files, status ?? []);
  } catch (reason) {
    return fault(reason);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The command line, with Node only
// ---------------------------------------------------------------------------------------------------------------------

const HELP = `用法 usage: node verify.mjs [--policy FILE] [--status FILE] [--leaf FILE] [--at MOMENT] [--json] FILE...

离线核验存证 Check proofs of a cqo-ledger offline. FILE: certificate.json, *.pdf, *.proof.json, *.tlog-proof
  --policy FILE   信任策略，须从别处取得 C2SP trust policy, from elsewhere than the proof
  --status FILE   状态清单，可多次给出 a status list, repeatable
  --leaf FILE     .tlog-proof 的区块文本 the block text of a .tlog-proof
  --at MOMENT     所问时刻 fail when sealed after this, e.g. 2026-11-22T08:00:00.123Z
  --json          一个 JSON 对象 one JSON object instead of lines
Exit: 0 passed, 1 failed, 2 misuse, 3 nothing failed but a step could not be checked`;
const STATES = {
  passed: "通过 passed",
  failed: "未通过 failed",
  open: "无法核验 could not be checked",
  skipped: "此处不需要 not needed here",
};
const RESULTS = [
  "全部通过 everything passed",
  "未通过 a step failed",
  "无法读取或用法错误 misuse, or a file that is no proof",
  "没有未通过的步骤，但有步骤无法核验 nothing failed, but a step could not be checked",
];

/** The words of a command line: the files, and what was given with each option. */
function readArguments(words) {
  const given = { files: [], status: [], json: false, help: false };
  for (let rest = [...words], isOver = false; rest.length > 0;) {
    const [word, inline] = isOver ? [rest.shift()] : rest.shift().split(/(?<=^--[a-z]+)=(.*)/s);
    const name = word.slice(2);
    if (isOver || !word.startsWith("-")) {
      given.files.push(word);
    } else if (word === "--") {
      isOver = true;
    } else if (["--json", "--help", "-h"].includes(word) && inline === undefined) {
      given[word === "-h" ? "help" : name] = true;
    } else {
      const isOnce = ["policy", "leaf", "at"].includes(name) && !(name in given);
      const value = isOnce || name === "status" ? (inline ?? rest.shift()) : undefined;
      if (value === undefined)
        throw new Misuse(`参数有误：${show(word)}`, `this argument is unknown, twice or incomplete: ${show(word)}`);
      if (name === "status") given.status.push(value);
      else given[name] = value;
    }
  }
  return given;
}

function* reportLines(report) {
  const stepLines = (steps) =>
    steps.map(({ step, state, detail, detail_zh }) => {
      const { zh } = STEPS.find(({ name }) => name === step);
      return `  ${STATES[state]} | ${zh} ${step} | ${detail_zh} / ${detail}`;
    });
  for (const { file, steps, error, error_zh } of report.files) {
    yield file;
    yield* stepLines(steps);
    if (error) yield `  无法读取 unreadable: ${error_zh} / ${error}`;
  }
  if (report.joint.steps.length > 0) yield "合并核验 together";
  yield* stepLines(report.joint.steps);
  for (const { name, id, hours, entries, activities } of report.joint.learners) {
    yield `  ${name} ${id}: ${decimals(hours)} 学时 credit hours, ${entries} 条学习记录 study entries, ${activities} 次活动 activities`;
  }
  if (report.error) yield `错误 error: ${report.error_zh} / ${report.error}`;
  yield `结果 result: ${RESULTS[report.exit]} (${report.exit})`;
}

/** One line, in which whatever could steer a terminal is written out. */
function plain(line) {
  const escaped = (char) => (char === " " ? char : `\\u{${char.codePointAt(0).toString(16)}}`);
  return line.replace(/[\p{C}\p{Z}]/gu, escaped);
}

async function main(words) {
  const { openSync, readSync, closeSync } = await import("node:fs");
  /** At most `limit` + 1 bytes of a file; null when it cannot be read. */
  const read = (name, limit) => {
    let file = null;
    try {
      file = openSync(name);
      const bytes = new Uint8Array(limit + 1);
      let length = 0;
      for (let more = 1; more > 0; length += more) more = readSync(file, bytes, length, bytes.length - length, null);
      return bytes.slice(0, length);
    } catch {
      return null;
    } finally {
      if (file !== null) closeSync(file);
    }
  };
  const optional = (name, limit) => {
    const bytes = name === undefined ? null : read(name, limit);
    if (name !== undefined && bytes === null) throw new Misuse(`无法读取 ${show(name)}`, `cannot read ${show(name)}`);
    return bytes;
  };
  const check = (given) =>
    verifyFiles(
      given.files.map((name) => ({ name, bytes: read(name, BUNDLE_LIMIT) })),
      {
        policy: optional(given.policy, POLICY_LIMIT),
        status: given.status.map((name) => ({ name, bytes: read(name, BUNDLE_LIMIT) })),
        leaf: optional(given.leaf, EXTRA_LIMIT),
        at: given.at ?? null,
        now: new Date().toISOString(),
      },
    );
  let report;
  try {
    const given = readArguments(words);
    if (given.help) {
      console.log(HELP);
      return 0;
    }
    report = await check(given);
  } catch (reason) {
    report = fault(reason);
  }
  if (words.includes("--json")) console.log(JSON.stringify(report));
  else for (const line of reportLines(report)) console.log(plain(line));
  return report.exit;
}

if (typeof process === "object" && process.versions?.node && process.argv?.[1]) {
  const { realpathSync } = await import("node:fs");
  const { pathToFileURL } = await import("node:url");
  if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
    process.stdout.on("error", () => {}); // whoever reads may stop; the exit status still tells
    process.exitCode = await main(process.argv.slice(2));
  }
}
