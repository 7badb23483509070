#!/usr/bin/env python3
"""Check proofs of a cqo-ledger without asking its operator. 离线核验 cqo-ledger 存证。

    python3 verify.py [--policy FILE] [--leaf FILE] [--at MOMENT] [--json] FILE...

FILE is a proof bundle (*.proof.json) or a block proof (*.tlog-proof). What a proof shows is 上链后未被篡改: that an entry
is unaltered since the time of its block. It never shows that an entry is true.

Exit status: 0 everything passed; 1 a step failed; 2 misuse, or a file that cannot be read as a proof; 3 nothing failed,
but a step could not be checked. The authority for every rule is FORMATS.md, whose sections the comments name. This file
was written from that page alone and shares no code with the service. It needs Python 3.9 and `pip install cryptography`,
and it uses no network.
"""

import argparse
import base64
import datetime
import hashlib
import json
import re
import sys
import unicodedata

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stderr.write("缺少依赖 missing package: python3 -m pip install cryptography\n")
    sys.exit(2)

BUNDLE_LIMIT = 16 * 1024 * 1024  # section 10
BLOCK_PROOF_LIMIT = 1024 * 1024  # section 11
POLICY_LIMIT = EXTRA_LIMIT = 65536  # sections 10 and 11
SIGNED_LIMIT = 16384  # section 4
BLOCK_LIMIT = 1024  # section 7
SIGNATURE_LINES, SIGNATURE_LINE = 100, 8192  # section 10: lines of one note, and bytes of one line with its newline
DEPTH = 8  # section 2, rule 3
MAX_INT = 2**53 - 1
PASSED, FAILED, OPEN = "passed", "failed", "open"
BUNDLE_STEPS = ("form", "checkpoint", "chain", "keys", "batch", "signatures", "in_force")
BLOCK_STEPS = ("form", "checkpoint", "chain")


class Failed(Exception):
    """A step failed; the text says why."""


class Open(Exception):
    """A step could not be checked; the text says why."""


class Misuse(Exception):
    """Exit status 2: the command was wrong, or a file is no proof at all."""


def need(condition, reason):
    """Fail the current step unless the condition holds."""
    if not condition:
        raise Failed(reason)


def show(value):
    """A short ASCII rendering of something untrusted, safe to print on a terminal."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


def sha256(data):
    return hashlib.sha256(data).digest()


# ---------------------------------------------------------------------------------------------------------------------
# Section 1: small things
# ---------------------------------------------------------------------------------------------------------------------

HEX32 = "[0-9a-f]{64}"
DECIMAL = "0|[1-9][0-9]{0,15}"
MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
ORIGIN = r"[a-z0-9](?:[-a-z0-9._~/:]{0,198}[a-z0-9])?"
UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def decimal(text):
    """The number that a decimal without leading zeros stands for, or None."""
    if not re.fullmatch(DECIMAL, text) or int(text) > MAX_INT:
        return None
    return int(text)


def is_moment(text):
    """Whether this is a moment, and one that the calendar has (so no second 60), from 1970 on."""
    if not re.fullmatch(MOMENT, text):
        return False
    try:
        datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return False
    return text >= "1970" and int(text[17:19]) < 60  # strptime lets 60 and 61 through


def is_credit_code(text):
    """GB 32100-2015: the last character makes the weighted sum, modulo 31, come out at nought."""
    if not re.fullmatch("[%s]{2}[0-9]{6}[%s]{10}" % (CREDIT_ALPHABET, CREDIT_ALPHABET), text):
        return False
    total = sum(CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(text[:17]))
    return CREDIT_ALPHABET[(31 - total % 31) % 31] == text[17]


def strict_base64(text):
    """Standard base64 with padding, in its only canonical spelling; None otherwise."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode("ascii") == text else None


# Ed25519, strictly. The library checks the equation (cofactorless); what it may let pass is refused beforehand.
FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493  # L
# y coordinates of the eight points of small order (the orders 1, 2, 4 and 8)
SMALL_ORDER_Y = {
    0, 1, FIELD - 1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
}  # fmt: skip


def sound_point(encoded):
    """Whether 32 bytes are the canonical encoding of something that is not a point of small order.

    The other non-canonical form, a sign bit on x = 0, exists for y = 1 and y = -1 only, which are of small order."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    return y < FIELD and y not in SMALL_ORDER_Y


def sound_key(encoded):
    """Whether 32 bytes are a public key: sound, and a point of the curve, so that (y^2-1)/(d y^2+1) is a square."""
    square = pow(int.from_bytes(encoded, "little") & (2**255 - 1), 2, FIELD)
    above, below = square - 1, square * -121665 * pow(121666, -1, FIELD) + 1
    return sound_point(encoded) and pow(above * below, (FIELD - 1) // 2, FIELD) == 1


def ed25519(public, signature, message):
    """Whether this is a valid signature by the rules of section 1."""
    if len(public) != 32 or len(signature) != 64:
        return False
    if int.from_bytes(signature[32:], "little") >= ORDER:
        return False
    if not (sound_point(public) and sound_point(signature[:32])):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def path_leads(data, index, size, path, root):
    """RFC 9162 section 2.1.3.2: whether the inclusion path leads from this leaf data to the root. Exact in length."""
    if not 0 <= index < size:
        return False
    fn, sn, node = index, size - 1, sha256(b"\x00" + data)
    for sibling in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = sha256(b"\x01" + sibling + node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\x01" + node + sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


# ---------------------------------------------------------------------------------------------------------------------
# Section 2: JSON rules
# ---------------------------------------------------------------------------------------------------------------------

ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
REFUSED = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufdd0-\ufdef\ud800-\udfff"
    "\U000e0000-\U000e007f" + "".join(chr(plane * 65536 + low) for plane in range(17) for low in (65534, 65535)) + "]"
)


def small_int(text):
    """A number, unless it is far too long for rule 2 (and for the patience of whoever reads it)."""
    return int(text) if len(text) <= 17 else refused(text)


def refused(text):
    raise ValueError("%s is no number of rule 2" % show(text))


def canonical(value, depth=1):
    """RFC 8785 for the values that the rules admit. Raises Failed on any other."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        need(abs(value) <= MAX_INT, "a number is beyond 2^53-1")
        return str(value)
    if isinstance(value, str):
        return '"%s"' % re.sub(
            '["\\\\\x00-\x1f]', lambda m: ESCAPES.get(m.group()) or "\\u%04x" % ord(m.group()), value
        )
    need(depth <= DEPTH, "it nests deeper than %d" % DEPTH)
    if isinstance(value, list):
        return "[%s]" % ",".join(canonical(item, depth + 1) for item in value)
    names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return "{%s}" % ",".join(canonical(name) + ":" + canonical(value[name], depth + 1) for name in names)


def canonical_bytes(value):
    try:
        return canonical(value).encode("utf-8")
    except UnicodeEncodeError:
        raise Failed("a string holds a lone surrogate")


def read_json(data):
    """The value of a document that is canonical, byte for byte."""
    try:
        value = json.loads(data.decode("utf-8"), parse_int=small_int, parse_float=refused, parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise Failed("it is not JSON of section 2: %s" % show(str(error)))
    need(canonical_bytes(value) == data, "it is not canonical JSON (RFC 8785)")
    return value


# Checks of one JSON value. Each maker returns a function (value, where) that raises Failed.


def matching(pattern, what):
    def check(value, where):
        need(isinstance(value, str) and re.fullmatch(pattern, value), "%s is not %s" % (where, what))

    return check


def passing(test, what):
    def check(value, where):
        need(isinstance(value, str) and test(value), "%s is not %s" % (where, what))

    return check


def one_of(*values):
    return passing(lambda value: value in values, "one of " + ", ".join(values))


def integer(low, high):
    def check(value, where):
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        need(good, "%s is not an integer from %d to %d" % (where, low, high))

    return check


def text(most, newline=False, trimmed=True):
    """Rules 5 and 6. The length is looked at first, so that only short strings are ever compared with their NFC."""

    def check(value, where):
        need(isinstance(value, str), "%s is not a string" % where)
        need(1 <= len(value) <= most, "%s does not have 1 to %d characters" % (where, most))
        found = REFUSED.search(value.replace("\n", "") if newline else value)
        need(not found, "%s holds a character that is not allowed" % where)
        need(unicodedata.is_normalized("NFC", value), "%s is not in Unicode form NFC" % where)
        spaces = "\u0020\u3000"
        need(not trimmed or (value[0] not in spaces and value[-1] not in spaces), "%s begins or ends with a space" % where)

    return check


def listing(item, low, high, ascending=False):
    def check(value, where):
        need(isinstance(value, list) and low <= len(value) <= high, "%s is not an array of %d to %d" % (where, low, high))
        for number, element in enumerate(value):
            item(element, "%s[%d]" % (where, number))
        need(
            not ascending or all(a < b for a, b in zip(value, value[1:])), "%s is not strictly ascending" % where
        )

    return check


def closed(table, rule=None):
    """An object with exactly these members; a name that ends in `?` is optional. `rule` looks at the whole object."""

    def check(value, where):
        need(isinstance(value, dict), "%s is not an object" % where)
        allowed = {name.rstrip("?") for name in table}
        unknown = sorted(name for name in value if name not in allowed)
        need(not unknown, "%s has an unknown member %s" % (where, show(unknown[:1])))
        for name, inner in table.items():
            if name.rstrip("?") in value:
                inner(value[name.rstrip("?")], where + "." + name.rstrip("?"))
            else:
                need(name.endswith("?"), "%s lacks its member %s" % (where, name))
        if rule:
            rule(value, where)

    return check


# ---------------------------------------------------------------------------------------------------------------------
# Sections 3 and 4: entries and signed entries
# ---------------------------------------------------------------------------------------------------------------------


def is_day(value):
    try:
        datetime.datetime.strptime(value, "%Y-%m-%d")
    except ValueError:
        return False
    return bool(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)) and 1900 <= int(value[:4]) <= 2199


def boolean(value, where):
    need(isinstance(value, bool), "%s is not true or false" % where)


def study_rule(value, where):
    reason = "form_reason" in value
    need(reason == (value["form"] == "other"), "%s: form_reason goes with form other, and only with it" % where)
    first, last = (datetime.date(*map(int, value[name].split("-"))) for name in ("first_day", "last_day"))
    need(0 <= (last - first).days <= 366, "%s: first_day and last_day are out of order or too far apart" % where)


def correction_rule(value, where):
    supersede = value["action"] == "supersede"
    need(("replacement" in value) == supersede, "%s: replacement goes with supersede, and only with it" % where)
    if supersede:
        kind = value["replacement"].get("kind") if isinstance(value["replacement"], dict) else None
        need(kind in ("study", "activity"), "%s.replacement.kind is not study or activity" % where)
        table, rule = (STUDY, study_rule) if kind == "study" else (ACTIVITY, None)
        closed(dict(table, kind=one_of(kind)), rule)(value["replacement"], where + ".replacement")


ROLE_KINDS = {
    "authority": ("correction", "key"),
    "recorder": ("activity", "correction", "study"),
    "issuer": ("certificate", "status"),
    "receipt": (),
}


def key_rule(value, where):
    add, revoke = value["action"] == "add", value["action"] == "revoke"
    need(all((name in value) == add for name in ("key", "kinds", "owner", "role")), "%s: members of add" % where)
    need(all((name in value) != add for name in ("reason", "target")), "%s: members of retire and revoke" % where)
    need(revoke or "compromised_from" not in value, "%s: compromised_from goes with revoke only" % where)
    if add:
        allowed, kinds = ROLE_KINDS[value["role"]], value["kinds"]
        good = set(kinds) <= set(allowed) and bool(kinds) == bool(allowed)
        need(good and (value["role"] != "authority" or len(kinds) == 2), "%s: kinds do not suit the role" % where)


def hex_bytes(low, high):
    return matching("(?:[0-9a-f]{2}){%d,%d}" % (low, high), "%d to %d bytes in hexadecimal" % (low, high))


def length_by_alg(member, length):
    def rule(value, where):
        good = value["alg"] != "Ed25519" or len(value[member]) == 2 * length
        need(good, "%s.%s does not have the %d bytes of Ed25519" % (where, member, length))

    return rule


HASH = matching(HEX32, "64 hexadecimal digits")
ID = matching(UUID7, "a UUID of version 7")
ALG = matching("[-A-Za-z0-9]{1,32}", "the name of an algorithm")
CREDIT_CODE = passing(is_credit_code, "a valid credit code")
DAY = passing(is_day, "a day of the years 1900 to 2199")
EVIDENCE = listing(HASH, 0, 20, ascending=True)
LEARNER = closed({"id": ID, "name": text(100)})
COMMON = {
    "id": ID,
    "kind": one_of("study", "activity", "correction", "key"),
    "ledger": matching(ORIGIN, "an origin"),
    "recorder": CREDIT_CODE,
    "rulebook": matching(r"[0-9]{4}\.(?:0|[1-9][0-9]{0,2})", "a version of the rulebook"),
}
STUDY = {
    "completes": boolean,
    "course": closed({"code": matching("[-A-Za-z0-9._]{1,64}", "a course code"), "title": text(200)}),
    "evidence": EVIDENCE,
    "first_day": DAY,
    "last_day": DAY,
    "form": one_of("lecture", "exchange", "publication", "online", "other"),
    "form_reason?": text(200),
    "hours": integer(1, 10000),
}
ACTIVITY = {
    "attendees": integer(1, 100000),
    "attendees_digest": HASH,
    "date": DAY,
    "evidence": EVIDENCE,
    "topic": text(200),
}
CORRECTION = {
    "action": one_of("supersede", "void"),
    "learner": LEARNER,
    "reason": one_of("hours", "dates", "course", "name", "duplicate", "not_attended", "fraud", "other"),
    "replacement?": lambda value, where: None,  # correction_rule looks at it
    "target": closed({"commitment": HASH, "id": ID}),
}
KEY = {
    "action": one_of("add", "retire", "revoke"),
    "key?": closed({"alg": ALG, "public": hex_bytes(1, 256)}, length_by_alg("public", 32)),
    "kinds?": listing(one_of("activity", "certificate", "correction", "key", "status", "study"), 0, 6, ascending=True),
    "owner?": closed({"code": CREDIT_CODE, "name": text(200)}),
    "role?": one_of("authority", "recorder", "issuer", "receipt"),
    "reason?": one_of("rotation", "lost", "compromised", "ended", "other"),
    "target?": HASH,
    "compromised_from?": integer(0, MAX_INT),
}
ENTRIES = {
    "study": closed({**COMMON, **STUDY, "learner": LEARNER}, study_rule),
    "activity": closed({**COMMON, **ACTIVITY, "learner": LEARNER}),
    "correction": closed({**COMMON, **CORRECTION}, correction_rule),
    "key": closed({**COMMON, **KEY}, key_rule),
}


def check_entry(value, where):
    kind = value.get("kind") if isinstance(value, dict) else None
    COMMON["kind"](kind, where + ".kind")
    ENTRIES[kind](value, where)


def signed_rule(value, where):
    keys = [signature["key"] for signature in value["signatures"]]
    need(all(a < b for a, b in zip(keys, keys[1:])), "%s: the keys of its signatures do not ascend" % where)
    need(len(canonical_bytes(value)) <= SIGNED_LIMIT, "%s is longer than 16,384 bytes" % where)


SIGNATURE = closed({"alg": ALG, "key": HASH, "sig": hex_bytes(1, 256)}, length_by_alg("sig", 64))
SIGNED = closed({"entry": check_entry, "signatures": listing(SIGNATURE, 1, 4)}, signed_rule)


def register_element(value, where):
    SIGNED(value, where)
    need(value["entry"]["kind"] == "key", "%s is not a key entry" % where)


def signed_message(origin, signature, entry):
    """Section 4: the bytes that a signature of an entry is over."""
    head = "cqo-ledger/entry/v1\n%s\n%s\n%s\n" % (origin, signature["alg"], signature["key"])
    return head.encode("ascii") + canonical_bytes(entry)


# ---------------------------------------------------------------------------------------------------------------------
# Section 7: blocks. Section 8 with C2SP signed-note and tlog-checkpoint: checkpoints. C2SP tlog-policy: trust policies
# ---------------------------------------------------------------------------------------------------------------------

BLOCK = re.compile(
    "cqo-ledger/block/v1\n(?P<origin>%s)\nheight (?P<height>%s)\nprevious (?P<previous>%s)\nroot (?P<root>%s)\n"
    "entries (?P<entries>%s)\ntotal (?P<total>%s)\nkeys (?P<keys>%s)\ntime (?P<time>%s)\n"
    % (ORIGIN, DECIMAL, HEX32, HEX32, DECIMAL, DECIMAL, HEX32, MOMENT)
)


class Block:
    """The parsed text of a block."""

    def __init__(self, data, where):
        need(len(data) <= BLOCK_LIMIT, "%s is longer than 1,024 bytes" % where)
        try:
            found = BLOCK.fullmatch(data.decode("ascii"))
        except UnicodeDecodeError:
            found = None
        need(found, "%s is not the text of a block" % where)
        self.data, self.hash, self.origin = data, sha256(data).hex(), found["origin"]
        self.height, self.entries, self.total = (decimal(found[name]) for name in ("height", "entries", "total"))
        self.previous, self.root, self.keys, self.time = (found[n] for n in ("previous", "root", "keys", "time"))
        need(None not in (self.height, self.entries, self.total), "%s has a number beyond 2^53-1" % where)
        need(1 <= self.entries <= 65536, "%s does not have 1 to 65,536 entries" % where)
        need(is_moment(self.time), "%s has an impossible time" % where)

    def stand(self, origin):
        """What step `chain` asks of every block text by itself."""
        need(self.origin == origin, "block %d is of another ledger than the checkpoint" % self.height)
        if self.height == 0:
            need(self.previous == "0" * 64 and self.total == self.entries, "block 0 does not begin a chain")
        need(self.total >= self.entries + self.height, "block %d: its total is too small" % self.height)


class Checkpoint:
    """A checkpoint as served: a signed note whose text is origin, size and root."""

    def __init__(self, note):
        need(not re.search("[\x00-\x09\x0b-\x1f]", note), "the checkpoint has a control character")
        need(note.endswith("\n") and "\n\n" in note, "the checkpoint is not a signed note")
        cut = note.rindex("\n\n") + 1
        self.body = note[:cut].encode("utf-8")
        lines = note[:cut].split("\n")[:-1]
        need(len(lines) == 3, "the checkpoint does not have exactly three lines")
        self.origin, size, root = lines[0], decimal(lines[1]), strict_base64(lines[2])
        need(re.fullmatch(ORIGIN, self.origin), "the origin of the checkpoint is malformed")
        need(size is not None, "the size of the checkpoint is malformed")
        need(root is not None and len(root) == 32, "the root of the checkpoint is malformed")
        self.size, self.root, self.signatures = size, root, []
        lines = note[cut + 1 :].split("\n")[:-1]
        need(1 <= len(lines) <= SIGNATURE_LINES, "the checkpoint does not have 1 to %d signatures" % SIGNATURE_LINES)
        for line in lines:
            need(len(line.encode("utf-8")) < SIGNATURE_LINE, "a signature line is too long")
            parts = line.split(" ")
            need(len(parts) == 3 and parts[0] == "\u2014" and is_key_name(parts[1]), "a signature line is malformed")
            payload = strict_base64(parts[2])
            need(payload is not None and len(payload) > 4, "the base64 of a signature line is malformed")
            self.signatures.append((parts[1], payload[:4], payload[4:]))
        own = any(name == self.origin for name, _, _ in self.signatures)
        need(own, "the checkpoint has no signature under the name of its origin")


def is_key_name(name):
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)


class Policy:
    """A C2SP trust policy: which logs and witnesses are trusted, and how many witnesses a checkpoint needs."""

    def __init__(self, data):
        need(len(data) <= POLICY_LIMIT, "it is longer than 64 KiB")
        need(re.fullmatch(rb"[\t\n\x20-\x7e\x80-\xff]*", data), "it has a control character (CR counts as one)")
        self.known = {}  # (key name, key id) -> (policy name of the witness or None for a log, public key)
        self.groups, self.names, self.members, self.quorum, self.keys = [], {"none"}, set(), None, set()
        for number, line in enumerate(data.split(b"\n"), 1):
            words = [word for word in re.split(b"[ \t]+", line) if word]
            if words and not words[0].startswith(b"#"):
                try:
                    self.take([word.decode("utf-8") for word in words])
                except (Failed, UnicodeDecodeError) as reason:
                    raise Failed("line %d: %s" % (number, reason))
        need(self.quorum is not None, "it has no quorum line")

    def take(self, words):
        if words[0] == "log" and len(words) in (2, 3):
            self.key(words[1], 1, None)
        elif words[0] == "witness" and len(words) in (3, 4):
            self.key(words[2], 4, self.define(words[1]))
        elif words[0] == "group" and len(words) >= 4:
            members = words[3:]
            for name in members:
                need(name in self.names and name != "none", "the member %s is not defined above" % show(name))
                need(name not in self.members, "the member %s is listed a second time" % show(name))
                self.members.add(name)
            least = {"all": len(members), "any": 1}.get(words[2]) or decimal(words[2])
            need(least is not None and 1 <= least <= len(members), "the threshold is not 1 to the number of members")
            self.groups.append((self.define(words[1]), least, members))
        else:
            need(words[0] == "quorum" and len(words) == 2, "it is not a log, witness, group or quorum line")
            need(self.quorum is None, "there is a second quorum line")
            need(words[1] in self.names, "the quorum %s is not defined above" % show(words[1]))
            self.quorum = words[1]

    def define(self, name):
        need(name not in self.names, "the name %s is taken" % show(name))
        self.names.add(name)
        return name

    def key(self, vkey, kind, witness):
        """A verifier key: name+key id+base64(type || public key)."""
        parts = vkey.split("+", 2)
        need(len(parts) == 3 and is_key_name(parts[0]), "the verifier key is malformed")
        material = strict_base64(parts[2])
        need(material is not None and len(material) == 33, "the verifier key is not an Ed25519 key")
        need(material[0] == kind, "the type of the verifier key is not the one of this kind of line")
        key_id = sha256(parts[0].encode("utf-8") + b"\n" + material)[:4]
        need(parts[1] == key_id.hex(), "the key id does not belong to the verifier key")
        need(sound_key(material[1:]), "the public key is no point, of small order or not canonical")
        need(material[1:] not in self.keys and (parts[0], key_id) not in self.known, "a key is listed twice")
        self.keys.add(material[1:])
        self.known[(parts[0], key_id)] = (witness, material[1:])

    def check(self, note):
        """Section 10, step `checkpoint`. A signature of a known key that fails spoils the note; unknown ones are ignored."""
        need(
            any(who is None and name == note.origin for (name, _), (who, _) in self.known.items()),
            "the policy has no log line for the origin of the checkpoint",
        )
        by_log, seen = False, set()
        for name, key_id, signature in note.signatures:
            if (name, key_id) not in self.known:
                continue
            witness, public = self.known[(name, key_id)]
            message = note.body
            if witness is not None:  # cosignature/v1: the time, then the signature over time and note
                time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
                message = b"cosignature/v1\ntime %d\n" % time + message
                need(time < 2**63, "a cosignature has an impossible time")
            need(ed25519(public, signature, message), "the signature of a key in the policy is not valid")
            if witness is not None:
                seen.add(witness)
            by_log = by_log or (witness is None and name == note.origin)
        need(by_log, "the checkpoint is not signed by its log")
        witnesses = len(seen)
        for name, least, members in self.groups:
            if sum(member in seen for member in members) >= least:
                seen.add(name)
        need(self.quorum == "none" or self.quorum in seen, "the quorum of witnesses is not met")
        if self.quorum == "none":
            return (
                "signed by the log; the policy's quorum is none: the operator could show others another chain "
                "(信任策略不要求见证方: 运营方可能向他人出示另一条链)"
            )
        return "signed by the log, and the quorum %s is met with %d witnesses" % (show(self.quorum), witnesses)


def check_checkpoint(policy, note):
    if policy is None:
        raise Open("no --policy was given, so nobody vouches for this checkpoint (未提供信任策略)")
    return policy.check(note)


# ---------------------------------------------------------------------------------------------------------------------
# Section 5: the key register
# ---------------------------------------------------------------------------------------------------------------------


class Register:
    """The key register: who may sign what, from which element on and until which."""

    def __init__(self, elements, origin):
        self.keys, self.unknown = {}, None  # unknown: why something could not be checked
        self.numbers, self.prefixes, ids, running = {}, {}, set(), hashlib.sha256(b"[")
        for number, element in enumerate(elements):
            entry, data = element["entry"], canonical_bytes(element)
            self.numbers[data] = number
            need(entry["ledger"] == origin, "element %d of the register is of another ledger" % number)
            need(entry["id"] not in ids, "element %d of the register repeats an entry id" % number)
            ids.add(entry["id"])
            self.apply(number, element, origin)
            running.update((b"," if number else b"") + data)
            digest = running.copy()
            digest.update(b"]")
            self.prefixes[digest.hexdigest()] = number + 1

    def apply(self, number, element, origin):
        """Rules 1 to 3 for one element, given all before it."""
        entry, where = element["entry"], "element %d of the register" % number
        signers = [signature["key"] for signature in element["signatures"]]
        add, target = entry["action"] == "add", entry.get("target")
        if add:
            public = bytes.fromhex(entry["key"]["public"])
            target = sha256(entry["key"]["alg"].encode("ascii") + b"\n" + public).hex()
            need(target not in self.keys, "%s adds a key a second time" % where)
            good = entry["key"]["alg"] != "Ed25519" or sound_key(public)
            need(good, "%s adds a key that is no point, of small order or not canonical" % where)
        if number == 0:
            need(add and entry["role"] == "authority", "%s does not add an authority" % where)
            need(signers == [target], "%s is not signed by exactly the key that it adds" % where)
            self.add(target, entry, 0)
        for signer in signers:
            key = self.keys.get(signer)
            need(key, "%s is signed by a key that was not added before" % where)
            need(number == 0 or self.works(signer, number), "%s is signed by a key retired or revoked" % where)
            need(key["role"] == "authority" or (not add and signer == target), "%s: its signer may not do this" % where)
        self.check_signatures(element, origin, where)
        if add and number:
            self.add(target, entry, number)
        if not add:
            key = self.keys.get(target)
            need(key, "%s ends a key that was not added" % where)
            free = not key["revoked"] and (entry["action"] == "revoke" or key["ended"] is None)
            need(free, "%s ends a key that has ended before" % where)
            key["ended"] = number if key["ended"] is None else key["ended"]
            key["revoked"] = entry["action"] == "revoke"
            key["compromised_from"] = entry.get("compromised_from")

    def add(self, key_id, entry, number):
        self.keys[key_id] = {
            "alg": entry["key"]["alg"],
            "public": bytes.fromhex(entry["key"]["public"]),
            "owner": entry["owner"]["code"],
            "role": entry["role"],
            "kinds": entry["kinds"],
            "added": number,
            "ended": None,
            "revoked": False,
            "compromised_from": None,
        }

    def works(self, key_id, length):
        """Whether the key has been added, and neither retired nor revoked, within the first `length` elements."""
        key = self.keys.get(key_id)
        return key is not None and key["added"] < length and (key["ended"] is None or key["ended"] >= length)

    def check_signatures(self, signed, origin, where):
        """That each signature is of its key's owner and algorithm, and valid. An unknown algorithm is remembered."""
        for signature in signed["signatures"]:
            key = self.keys[signature["key"]]
            need(key["owner"] == signed["entry"]["recorder"], "%s: its recorder does not own the signing key" % where)
            need(key["alg"] == signature["alg"], "%s: a signature has another algorithm than its key" % where)
            if key["alg"] != "Ed25519":
                self.unknown = "%s has a signature of an unknown algorithm" % where
                continue
            message = signed_message(origin, signature, signed["entry"])
            good = ed25519(key["public"], bytes.fromhex(signature["sig"]), message)
            need(good, "%s: a signature is not valid" % where)

    def settle(self):
        """Open the current step when a signature so far was of an unknown algorithm."""
        if self.unknown:
            raise Open(self.unknown)


# ---------------------------------------------------------------------------------------------------------------------
# Section 10: proof bundles
# ---------------------------------------------------------------------------------------------------------------------

HEIGHT = integer(0, MAX_INT)
PATH = listing(HASH, 0, 63)
BLOCK_TEXT = text(BLOCK_LIMIT, newline=True, trimmed=False)
BUNDLE = closed(
    {
        "format": one_of("cqo-ledger/proof/v1"),
        "entries": listing(
            closed({"block": HEIGHT, "index": HEIGHT, "path": PATH, "salt": HASH, "signed": SIGNED}), 1, 10000
        ),
        "blocks": listing(closed({"path": PATH, "previous?": BLOCK_TEXT, "text": BLOCK_TEXT}), 1, 10000),
        "tip": closed({"path": PATH, "text": BLOCK_TEXT}),
        "checkpoint": text(BUNDLE_LIMIT, newline=True, trimmed=False),
        "keys": listing(register_element, 1, 10000),
    }
)


def unhex(path):
    return [bytes.fromhex(item) for item in path]


class Bundle:
    """A proof bundle. The methods are the steps of section 10; each relies on those before it."""

    kind, steps = "proof", BUNDLE_STEPS

    def __init__(self, data, options):
        self.data, self.options, self.results, self.entries = data, options, [], []

    def form(self):
        self.value = read_json(self.data)
        BUNDLE(self.value, "bundle")
        self.entries = self.value["entries"]
        places = [(entry["block"], entry["index"]) for entry in self.entries]
        need(all(a < b for a, b in zip(places, places[1:])), "the entries do not ascend by block and index")
        self.blocks = {}
        for number, item in enumerate(self.value["blocks"]):
            where = "blocks[%d]" % number
            block = Block(item["text"].encode("utf-8"), where)
            need(("previous" in item) == (block.height > 0), "%s: previous is there except at height 0" % where)
            previous = Block(item["previous"].encode("utf-8"), where + ".previous") if block.height else None
            self.blocks[block.height] = (block, previous, unhex(item["path"]))
        named = sorted({block for block, _ in places})
        good = list(self.blocks) == named and len(self.value["blocks"]) == len(named)
        need(good, "blocks are not exactly those that entries name, ascending")
        self.tip = Block(self.value["tip"]["text"].encode("utf-8"), "tip")
        self.note = Checkpoint(self.value["checkpoint"])
        self.origin = self.note.origin
        return "%d entries in %d blocks of %s" % (len(self.entries), len(self.blocks), self.origin)

    def checkpoint(self):
        return check_checkpoint(self.options.policy, self.note)

    def sequence(self):
        """Every block text at hand, by height: previous, block, ..., tip."""
        for block, previous, _ in self.blocks.values():
            if previous:
                yield previous
            yield block
        yield self.tip

    def shown(self):
        """The block texts that this file shows to be on its chain."""
        return list(self.sequence())

    def chain(self):
        note, tip = self.note, self.tip
        for block in self.sequence():
            block.stand(note.origin)
        for block, previous, path in self.blocks.values():
            at = "block %d" % block.height
            good = path_leads(block.data, block.height, note.size, path, note.root)
            need(good, "%s: its path does not lead to the root of the checkpoint" % at)
            if previous:
                need(previous.height + 1 == block.height, "%s: previous is not the block before it" % at)
                need(previous.hash == block.previous, "%s: previous does not have the hash that it names" % at)
            late = self.options.at is not None and block.time > self.options.at
            need(not late, "%s was sealed at %s, after the moment asked for" % (at, block.time))
        need(tip.height == note.size - 1, "the tip is not the last block under the checkpoint")
        good = path_leads(tip.data, tip.height, note.size, unhex(self.value["tip"]["path"]), note.root)
        need(good, "the path of the tip does not lead to the root of the checkpoint")
        line = list(self.sequence())
        for a, b in zip(line, line[1:]):
            at = "blocks %d and %d" % (a.height, b.height)
            if a.height == b.height:
                need(a.data == b.data, "%s: two texts of one block" % at)
                continue
            need(a.height < b.height, "%s: the heights do not ascend" % at)
            if b.height == a.height + 1:
                need(b.previous == a.hash, "%s: the hash of the one is not in the other" % at)
                need(b.total == a.total + b.entries, "%s: the totals do not add up" % at)
            # section 7 allows nothing less in between: each block holds at least one entry
            need(b.total - b.entries >= a.total + (b.height - a.height - 1), "%s: the totals do not add up" % at)
            need(b.time >= a.time, "%s: the time goes back" % at)
        return "every block leads to the root of the checkpoint of %d blocks" % note.size

    def keys(self):
        self.register = Register(self.value["keys"], self.origin)  # also of use where the step stays open
        length = self.register.prefixes
        need(length.get(self.tip.keys) == len(self.value["keys"]), "the register is not the one that the tip names")
        before = 1
        for block in self.sequence():
            need(block.keys in length, "block %d names another key register" % block.height)
            need(length[block.keys] >= before, "block %d has a shorter register than one before" % block.height)
            before = length[block.keys]
            if block.height == 0:
                need(block.entries == 1 and before == 1, "block 0 holds more than the first key")
        self.register.settle()
        return "%d elements, from the first authority on" % len(self.value["keys"])

    def batch(self):
        ids, commitments = set(), set()
        for item in self.entries:
            block, entry = self.blocks[item["block"]][0], item["signed"]["entry"]
            at = "entry %d-%d" % (item["block"], item["index"])
            need(entry["ledger"] == self.origin, "%s is of another ledger" % at)
            head = b"cqo-ledger/commit/v1\n" + self.origin.encode("ascii") + b"\n"
            item["commitment"] = sha256(head + bytes.fromhex(item["salt"]) + canonical_bytes(item["signed"]))
            root = bytes.fromhex(block.root)
            good = path_leads(item["commitment"], item["index"], block.entries, unhex(item["path"]), root)
            need(good, "%s: its path does not lead to the root of its block" % at)
            need(entry["id"] not in ids, "%s: its id stands there twice" % at)
            need(item["commitment"] not in commitments, "%s: its commitment stands there twice" % at)
            ids.add(entry["id"])
            commitments.add(item["commitment"])
        return "every entry is in its block, unaltered since the time of the block (上链后未被篡改)"

    def signatures(self):
        register = self.register
        register.settle()  # without the register no signature can be checked
        for item in self.entries:
            signed, entry, at = item["signed"], item["signed"]["entry"], "entry %d-%d" % (item["block"], item["index"])
            block, previous, _ = self.blocks[item["block"]]
            until = register.prefixes[block.keys]
            since = register.prefixes[previous.keys] if previous else 0
            if entry["kind"] == "key":  # step `keys` has judged its signers, if it is an element
                number = register.numbers.get(canonical_bytes(signed), -1)
                need(since <= number < until, "%s is a key entry that its block did not add to the register" % at)
                continue
            for signature in signed["signatures"]:
                key = register.keys.get(signature["key"])
                need(key, "%s is signed by a key that is not in the register" % at)
                need(register.works(signature["key"], since), "%s: its key does not work at this position" % at)
                need(entry["kind"] in key["kinds"], "%s: its key may not sign this kind" % at)
                bad = key["compromised_from"] is not None and key["compromised_from"] <= item["block"]
                need(not bad, "%s is signed by a key that was compromised by then" % at)
            register.check_signatures(signed, self.origin, at)
        register.settle()
        return "every signature is valid, by a key that worked when its block was sealed"

    def in_force(self):
        raise Open("a bundle never tells whether an entry was corrected later; status lists do (存证包不含状态列表)")


# ---------------------------------------------------------------------------------------------------------------------
# Section 11: block proofs
# ---------------------------------------------------------------------------------------------------------------------

TLOG_HEADER = b"c2sp.org/tlog-proof@v1\n"


class BlockProof:
    """A C2SP tlog-proof of one block."""

    kind, steps = "tlog-proof", BLOCK_STEPS

    def __init__(self, data, options):
        self.data, self.options, self.results, self.block = data, options, [], None

    def form(self):
        need(len(self.data) <= BLOCK_PROOF_LIMIT, "it is longer than 1 MiB")
        try:
            head, empty, note = self.data[len(TLOG_HEADER) :].decode("utf-8").partition("\n\n")
        except UnicodeDecodeError:
            raise Failed("it is not UTF-8")
        need(empty, "it has no empty line before the checkpoint")
        lines, self.extra = head.split("\n"), None
        if lines[0].startswith("extra "):
            self.extra = strict_base64(lines.pop(0)[len("extra ") :])
            need(self.extra is not None and len(self.extra) <= EXTRA_LIMIT, "the extra line is not base64, or too long")
        need(lines and lines[0].startswith("index "), "it has no index line")
        self.index = decimal(lines.pop(0)[len("index ") :])
        need(self.index is not None, "the index is malformed")
        self.path = [strict_base64(line) for line in lines]
        need(len(self.path) <= 63, "the path has more than 63 hashes")
        need(all(item is not None and len(item) == 32 for item in self.path), "a hash of the path is malformed")
        self.note = Checkpoint(note)
        return "block %d of %s" % (self.index, self.note.origin)

    def checkpoint(self):
        return check_checkpoint(self.options.policy, self.note)

    def chain(self):
        need(self.index < self.note.size, "the index is beyond the size of the checkpoint")
        leaf, given = self.extra, self.options.leaf
        if leaf is None and given is None:
            raise Open("there is no block text: no extra line, and no --leaf was given (缺少区块正文)")
        need(leaf is None or given is None or leaf == given, "the extra line and --leaf are not the same block text")
        leaf = given if leaf is None else leaf
        good = path_leads(leaf, self.index, self.note.size, self.path, self.note.root)
        need(good, "the path does not lead from the block to the root of the checkpoint")
        block = Block(leaf, "the leaf")
        need(block.height == self.index, "the height of the block is not its index")
        block.stand(self.note.origin)
        late = self.options.at is not None and block.time > self.options.at
        need(not late, "the block was sealed at %s, after the moment asked for" % block.time)
        self.block = block
        return "block %d, sealed %s, leads to the root of the checkpoint" % (block.height, block.time)

    def shown(self):
        return [self.block] if self.block else []


# ---------------------------------------------------------------------------------------------------------------------
# All files together
# ---------------------------------------------------------------------------------------------------------------------


def failed(results):
    return FAILED in [state for _, state, _ in results]


class Joint:
    """What only all files without a failed step show together: one chain, the corrections that count, and the hours."""

    def __init__(self, files):
        self.files = [file for file in files if not failed(file.results)]
        self.results, self.learners = [], []
        if len(self.files) > 1:
            run(self.one_chain, self.results, "one_chain")
        if any(file.kind == "proof" for file in files):
            run_after(self.corrections, self.results, "corrections")

    def one_chain(self):
        """Two texts for one height of one ledger: the operator showed two chains."""
        texts = {}
        for block in (block for file in self.files for block in file.shown()):
            same = texts.setdefault((block.origin, block.height), block.data) == block.data
            need(same, "block %d of %s: both shown chains cannot be one, the operator showed two (运营方出示了两条链)"
                 % (block.height, block.origin))  # fmt: skip
        return "%d blocks, and no height with two texts" % len(texts)

    def corrections(self):
        self.entries = {}  # (origin, entry id) -> entry with its place
        self.first = {}  # (origin, id of a target) -> the correction of it that counts
        for bundle in (file for file in self.files if file.kind == "proof"):
            for item in bundle.entries:
                entry = item["signed"]["entry"]
                keys = [bundle.register.keys.get(signature["key"]) for signature in item["signed"]["signatures"]]
                authority = any(key and key["role"] == "authority" for key in keys)
                place = (item["block"], item["index"])
                record = {"entry": entry, "place": place, "commitment": item["commitment"], "authority": authority}
                known = self.entries.setdefault((bundle.origin, entry["id"]), record)
                good = (known["commitment"], known["place"]) == (record["commitment"], place)
                need(good, "two different entries of %s have the id %s" % (bundle.origin, entry["id"]))
        self.entries = dict(sorted(self.entries.items(), key=lambda pair: pair[1]["place"]))
        missing = 0
        for (origin, _), record in self.entries.items():
            if record["entry"]["kind"] == "correction":
                target = (origin, record["entry"]["target"]["id"])
                if target in self.entries:
                    self.judge(record, self.entries[target])
                    self.first.setdefault(target, record)
                else:
                    missing += 1
        self.total()
        if not self.entries:
            raise Open("no entry passed (没有通过核验的记录)")
        if missing:
            raise Open("%d corrections have their target in none of the files (缺少被更正的记录)" % missing)
        return "all corrections among the files hold, and the first one of each target counts"

    @staticmethod
    def judge(record, target):
        """Section 3: what must hold of a correction, whether it is the first one of its target or not."""
        correction, was, at = record["entry"], target["entry"], "correction %d-%d" % record["place"]
        need(correction["target"]["commitment"] == target["commitment"].hex(), "%s names another commitment" % at)
        need(target["place"] < record["place"], "%s stands before its target" % at)
        says = was.get("replacement", was)  # what the target says: a superseding correction speaks by its replacement
        need(says["kind"] in ("study", "activity"), "%s corrects an entry that says nothing to correct" % at)
        need(correction["learner"]["id"] == was["learner"]["id"], "%s is for another learner" % at)
        mine = correction["recorder"] == was["recorder"] or record["authority"]
        need(mine, "%s is signed neither by the recorder of its target nor by an authority" % at)
        same = correction["action"] == "void" or correction["replacement"]["kind"] == says["kind"]
        need(same, "%s replaces an entry by another kind" % at)

    def total(self):
        """What each learner's study and activity entries say in the end, from correction to correction that counts."""
        sums = {}
        for (origin, _), record in self.entries.items():
            entry = says = record["entry"]
            if entry["kind"] == "key":
                continue
            nothing = {"id": entry["learner"]["id"], "name": "", "hours": 0, "entries": 0, "activities": 0}
            learner = sums.setdefault((origin, entry["learner"]["id"]), nothing)
            learner["name"] = entry["learner"]["name"]  # the newest comes last
            if entry["kind"] == "correction":
                continue
            while (origin, entry["id"]) in self.first:
                entry = self.first[(origin, entry["id"])]["entry"]
                says = entry.get("replacement")
            if says and says["kind"] == "study":
                learner["hours"] += says["hours"]
                learner["entries"] += 1
            elif says:
                learner["activities"] += 1
        self.learners = [sums[who] for who in sorted(sums)]


def run(step, results, name):
    """Run one step and note its outcome."""
    try:
        results.append((name, PASSED, step()))
    except Failed as reason:
        results.append((name, FAILED, str(reason)))
    except Open as reason:
        results.append((name, OPEN, str(reason)))


def run_after(step, results, name):
    """Run one step, unless one before it failed."""
    if failed(results):
        results.append((name, OPEN, "a step before it failed (前一步骤失败)"))
    else:
        run(step, results, name)


def read(name, limit):
    """At most limit + 1 bytes of a file."""
    try:
        with open(name, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise Misuse("cannot read %s: %s" % (show(name), error.__class__.__name__))


def load(name, options):
    """The proof in a file, by its content. Once recognised, whatever is wrong with it fails its step `form`."""
    data = read(name, BUNDLE_LIMIT)
    if data.startswith(TLOG_HEADER):
        return BlockProof(data, options)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise Misuse("it is neither UTF-8 nor a tlog-proof")
    if len(data) > BUNDLE_LIMIT or b'"format":"cqo-ledger/proof/v1"' not in data:
        raise Misuse("it is neither a proof bundle of at most 16 MiB nor a tlog-proof")
    return Bundle(data, options)


# ---------------------------------------------------------------------------------------------------------------------
# The command line
# ---------------------------------------------------------------------------------------------------------------------

STATES = {PASSED: "通过 passed", FAILED: "失败 failed", OPEN: "无法核验 could not be checked"}
STEP_NAMES = {
    "form": "格式 form", "checkpoint": "检查点 checkpoint", "chain": "区块链 chain", "keys": "密钥登记 keys",
    "batch": "批次 batch", "signatures": "签名 signatures", "one_chain": "同一条链 one_chain",
    "corrections": "更正 corrections", "in_force": "现行有效 in_force",
}  # fmt: skip
CLOSING = {
    0: "全部通过 everything passed",
    1: "核验失败 a step failed",
    2: "无法读取或用法错误 misuse, or a file that is no proof",
    3: "无失败项, 但有步骤无法核验 nothing failed, but a step could not be checked",
}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Misuse(message)


def say(line):
    """Print one line; whatever is not printable is escaped, so that no file can steer the terminal."""
    print("".join(char if char.isprintable() else ascii(char)[1:-1] for char in line))


def options_of(arguments):
    about = "Check cqo-ledger proofs offline. 离线核验存证。Exit: 0 passed, 1 failed, 2 misuse, 3 could not be checked."
    parser = Parser(allow_abbrev=False, description=about)
    parser.add_argument("--policy", metavar="FILE", help="C2SP trust policy, from elsewhere than the proof (信任策略)")
    parser.add_argument("--leaf", metavar="FILE", help="the block text of a .tlog-proof (区块正文)")
    parser.add_argument("--at", metavar="MOMENT", help="fail when sealed after this, e.g. 2026-11-22T08:00:00.123Z")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("files", metavar="FILE", nargs="+", help="*.proof.json or *.tlog-proof")
    options = parser.parse_args(arguments)
    if options.at is not None and not is_moment(options.at):
        raise Misuse("--at wants a moment such as 2026-11-22T08:00:00.123Z")
    if options.policy is not None:
        try:
            options.policy = Policy(read(options.policy, POLICY_LIMIT))
        except Failed as reason:
            raise Misuse("the trust policy cannot be used: %s" % reason)
    if options.leaf is not None:
        options.leaf = read(options.leaf, BLOCK_LIMIT)
    return options


def verify(arguments):
    """Check everything and return the report as one object."""
    options, files, proofs, unreadable = options_of(arguments), [], [], False
    for name in options.files:
        try:
            proof = load(name, options)
        except Misuse as reason:
            unreadable = True
            files.append({"file": name, "kind": None, "steps": [], "error": str(reason)})
            continue
        for step in proof.steps:
            run_after(getattr(proof, step), proof.results, step)
        proof.data = None
        proofs.append(proof)
        files.append({"file": name, "kind": proof.kind, "steps": as_objects(proof.results)})
    joint = Joint(proofs)
    states = [state for results in [*(proof.results for proof in proofs), joint.results] for _, state, _ in results]
    status = 1 if FAILED in states else 2 if unreadable else 3 if OPEN in states else 0
    return {"exit": status, "files": files, "joint": {"steps": as_objects(joint.results), "learners": joint.learners}}


def as_objects(results):
    return [{"step": name, "state": state, "detail": detail} for name, state, detail in results]


def print_report(report):
    def print_steps(steps):
        for step in steps:
            say("  %s  %s: %s" % (STATES[step["state"]], STEP_NAMES[step["step"]], step["detail"]))

    for file in report["files"]:
        say("%s" % file["file"])
        print_steps(file["steps"])
        if "error" in file:
            say("  无法读取 unreadable: %s" % file["error"])
    if report["joint"]["steps"]:
        say("合并 all files together")
        print_steps(report["joint"]["steps"])
        for who in report["joint"]["learners"]:
            hours = "%d.%02d" % divmod(who["hours"], 100)
            say("  学时合计 credit hours: %s (%s) %s, %d 条 entries" % (who["name"], who["id"], hours, who["entries"]))
    if report.get("error"):
        say("错误 error: %s" % report["error"])
    say("结果 result: %s (%d)" % (CLOSING[report["exit"]], report["exit"]))


def main(arguments):
    try:
        report = verify(arguments)
    except (Misuse, MemoryError) as reason:
        nothing = {"steps": [], "learners": []}
        report = {"exit": 2, "files": [], "joint": nothing, "error": str(reason) or "out of memory"}
    except Exception as fault:  # a fault of this program must neither pass for a verdict nor end in a traceback
        nothing = {"steps": [], "learners": []}
        report = {"exit": 2, "files": [], "joint": nothing, "error": "internal fault: %s" % show(str(fault))}
    try:
        if "--json" in arguments:
            print(json.dumps(report))
        else:
            print_report(report)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()
    return report["exit"]


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # a console that lacks a character shows its number
    sys.exit(main(sys.argv[1:]))
