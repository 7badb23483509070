#!/usr/bin/env python3
"""Check proofs of a cqo-ledger without asking its operator. 离线核验 cqo-ledger 存证。

    python3 verify.py [--policy FILE] [--status FILE]... [--leaf FILE] [--at MOMENT] [--json] FILE...

FILE is an hour certificate (PDF or JSON), a proof bundle (*.proof.json), a block proof (*.tlog-proof) or a status list.
What a proof shows is 上链后未被篡改: that an entry is unaltered since the time of its block. It never shows that an entry
is true.

Exit status: 0 everything passed; 1 a step failed; 2 misuse, or a file that cannot be read as a proof; 3 nothing failed,
but a step could not be checked. The authority for every rule is FORMATS.md, whose sections the comments name. This file
was written from that page alone and shares no code with the service. It needs Python 3.9 and `pip install cryptography`,
and it uses no network.
"""

import argparse
import base64
import datetime
import hashlib
import ipaddress
import json
import re
import sys
import unicodedata
import zlib

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stderr.write("缺少依赖 missing package: python3 -m pip install cryptography\n")
    sys.exit(2)

BUNDLE_LIMIT = 16 * 1024 * 1024  # section 10
CREDENTIAL_LIMIT = 1024 * 1024  # sections 14 and 16
BLOCK_PROOF_LIMIT = 1024 * 1024  # section 11
POLICY_LIMIT = EXTRA_LIMIT = 65536  # sections 10 and 11
SIGNED_LIMIT = 16384  # section 4
BLOCK_LIMIT = 1024  # section 7
SIGNATURE_LINES, SIGNATURE_LINE = 100, 8192  # section 10: lines of one note, and bytes of one line with its newline
DEPTH = 8  # section 2, rule 3
MAX_INT = 2**53 - 1
PASSED, FAILED, OPEN, SKIPPED = "passed", "failed", "open", "skipped"
BUNDLE_STEPS = ("form", "checkpoint", "chain", "keys", "batch", "signatures", "in_force")
BLOCK_STEPS = ("form", "checkpoint", "chain")
CERTIFICATE_STEPS = ("form", "proof", "proof_rdfc", "issued", "issuer", "evidence", "in_force")
PDF_STEPS = ("form", "printed_page")
STATUS_STEPS = ("form", "proof", "proof_rdfc", "issuer")


class Failed(Exception):
    """A step failed; the text says why."""


class Open(Exception):
    """A step could not be checked; the text says why."""


class Skipped(Exception):
    """A step is not needed here; the text says why."""


class Misuse(Exception):
    """Exit status 2: the command was wrong, or a file is no proof at all. The first text is English, the second Chinese."""

    def __str__(self):
        return self.args[0]

    @property
    def chinese(self):
        return self.args[-1]


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
RULEBOOK = r"[0-9]{4}\.(?:0|[1-9][0-9]{0,2})"
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


def year_in_china(moment):
    """The year of a moment in UTC+8, as text."""
    last_day = moment[4:10] == "-12-31" and moment[11:13] >= "16"
    return str(int(moment[:4]) + 1) if last_day else moment[:4]


def is_credit_code(text):
    """GB 32100-2015: the last character makes the weighted sum, modulo 31, come out at nought."""
    if not re.fullmatch("[%s]{2}[0-9]{6}[%s]{10}" % (CREDIT_ALPHABET, CREDIT_ALPHABET), text):
        return False
    total = sum(CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(text[:17]))
    return CREDIT_ALPHABET[(31 - total % 31) % 31] == text[17]


def is_certificate_number(text):
    """Section 13. ISO/IEC 7064 MOD 37,36 is a hybrid system: it runs modulo 36 and 37 in turn."""
    if not re.fullmatch("XS-[0-9]{4}-[0-9]{6}-[0-9A-HJKMNP-TV-Z]{10}-[0-9A-Z]", text):
        return False
    *body, check = ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(char) for char in text.replace("-", ""))
    carry = 36
    for value in body:
        carry = ((carry + value) % 36 or 36) * 2 % 37
    return (carry + check) % 36 == 1


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


def days_between(first, last):
    first, last = (datetime.date(*map(int, day.split("-"))) for day in (first, last))
    return (last - first).days


def boolean(value, where):
    need(isinstance(value, bool), "%s is not true or false" % where)


def study_rule(value, where):
    reason = "form_reason" in value
    need(reason == (value["form"] == "other"), "%s: form_reason goes with form other, and only with it" % where)
    days = days_between(value["first_day"], value["last_day"])
    need(0 <= days <= 366, "%s: first_day and last_day are out of order or too far apart" % where)


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


def status_rule(value, where):
    listed = value["action"] == "list"
    need(all((name in value) == listed for name in ("list", "sha256")), "%s: members of list" % where)
    need(all((name in value) != listed for name in ("number", "reason")), "%s: members of revoke" % where)


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
NUMBER = passing(is_certificate_number, "a certificate number")
LISTS = 1000000  # the greatest number of a status list
EVIDENCE = listing(HASH, 0, 20, ascending=True)
REVIEWER = one_of("clerk", "supervisor")
LEARNER = closed({"id": ID, "name": text(100)})
COMMON = {
    "id": ID,
    "kind": one_of("study", "activity", "correction", "key", "certificate", "status"),
    "ledger": matching(ORIGIN, "an origin"),
    "recorder": CREDIT_CODE,
    "rulebook": matching(RULEBOOK, "a version of the rulebook"),
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
    "reviewed_by?": REVIEWER,
}
ACTIVITY = {
    "attendees": integer(1, 100000),
    "attendees_digest": HASH,
    "date": DAY,
    "evidence": EVIDENCE,
    "reviewed_by?": REVIEWER,
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
CERTIFICATE = {"document": one_of("credential", "pdf"), "number": NUMBER, "sha256": HASH}
STATUS = {
    "action": one_of("list", "revoke"),
    "list?": integer(1, LISTS),
    "sha256?": HASH,
    "number?": NUMBER,
    "reason?": one_of("corrected", "error", "fraud", "replaced", "other"),
}
ENTRIES = {
    "study": closed({**COMMON, **STUDY, "learner": LEARNER}, study_rule),
    "activity": closed({**COMMON, **ACTIVITY, "learner": LEARNER}),
    "correction": closed({**COMMON, **CORRECTION}, correction_rule),
    "key": closed({**COMMON, **KEY}, key_rule),
    "certificate": closed({**COMMON, **CERTIFICATE}),
    "status": closed({**COMMON, **STATUS}, status_rule),
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
            "name": entry["owner"]["name"],
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

    def compromised_from(self, key_id):
        """The height from which on the key's entries do not count; None for none, or a key that is not there."""
        return self.keys[key_id]["compromised_from"] if key_id in self.keys else None

    def settle(self):
        """Open the current step when a signature so far was of an unknown algorithm."""
        if self.unknown:
            raise Open(self.unknown)


# ---------------------------------------------------------------------------------------------------------------------
# Sections 3 and 10: corrections, and what an entry says in the end
# ---------------------------------------------------------------------------------------------------------------------


def judge_corrections(records):
    """For records by (origin, entry id), in chain order: the correction that counts of each target, and how many
    corrections have no target among the records. Fails when one does not hold."""
    first, missing = {}, 0
    for (origin, _), record in records.items():
        if record["entry"]["kind"] == "correction":
            target = (origin, record["entry"]["target"]["id"])
            if target in records:
                judge(record, records[target])
                first.setdefault(target, record)
            else:
                missing += 1
    return first, missing


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


def said_in_the_end(record, first):
    """From correction to correction that counts: the record that speaks for a study or activity entry in the end, and
    what it says. None where nothing: it is voided, or the record is a correction, which speaks only for its target."""
    says = record["entry"] if record["entry"]["kind"] in ("study", "activity") else None
    while says and record["name"] in first:
        record = first[record["name"]]
        says = record["entry"].get("replacement")
    return record, says


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

    def proven(self, kind, **members):
        """The entries of a kind with these members, once no step has failed."""
        for item in self.entries:
            entry = item["signed"]["entry"]
            if entry["kind"] == kind and all(entry.get(name) == value for name, value in members.items()):
                yield item

    def records(self):
        """The entries with what corrections ask of them (section 3)."""
        for item in self.entries:
            signed, entry = item["signed"], item["signed"]["entry"]
            keys = [self.register.keys.get(signature["key"]) for signature in signed["signatures"]]
            yield {
                "name": (self.origin, entry["id"]),
                "entry": entry,
                "place": (item["block"], item["index"]),
                "commitment": item["commitment"],
                "authority": any(key and key["role"] == "authority" for key in keys),
                "provider": keys[0]["name"] if keys[0] else None,
            }

    def passed(self, step):
        return (step, PASSED) in [(name, state) for name, state, _ in self.results]

    def in_force(self):
        if all(item["signed"]["entry"]["kind"] in ("certificate", "status") for item in self.entries):
            raise Skipped("it proves only entries that nothing corrects (只含签发与状态记录)")
        if any(credential.is_served_by(self) for credential in self.options.certificates):
            raise Skipped("it serves a certificate, whose own step tells (由证书的同名步骤回答)")
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
# Section 15: proofs of a credential, and who makes them
# ---------------------------------------------------------------------------------------------------------------------

CONTEXTS = ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
LABEL = "[0-9a-z](?:[-0-9a-z]{0,61}[0-9a-z])?"


def multibase(text, length):
    """The bytes that `z` and base58btc spell, when there are exactly so many; None otherwise."""
    if not re.fullmatch("z[%s]{1,%d}" % (BASE58, 2 * length), text):
        return None
    digits, number = text[1:], 0
    for digit in digits:
        number = number * 58 + BASE58.index(digit)
    zeros = len(digits) - len(digits.lstrip("1"))  # each leading 1 is a zero byte, so there is one spelling only
    data = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    return data if len(data) == length else None


def is_domain_name(host):
    """Labels of a domain name; the last is no number, since that would be an address."""
    return bool(re.fullmatch(r"(?:%s\.)*%s" % (LABEL, LABEL), host)) and not host.rpartition(".")[2].isdigit()


def is_address(host):
    """An IPv4 address, or an IPv6 address in brackets, in its canonical spelling."""
    if not re.fullmatch(r"[0-9.]{7,15}|\[[0-9a-f:.]{2,45}\]", host):
        return False
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    if address.version == 6:
        mapped = address.ipv4_mapped
        return host == ("[::ffff:%s]" % mapped if mapped else "[%s]" % address)
    return host == str(address)


def host_of(site):
    """Host and port of a site; None when it is none."""
    found = re.fullmatch(r"https?://(\[[^\[\]]*\]|[^:]*)(?::([1-9][0-9]{0,4}))?", site)
    if len(site) > 200 or not found or int(found[2] or 1) > 65535:
        return None
    return (found[1], found[2]) if is_domain_name(found[1]) or is_address(found[1]) else None


def is_url(middle, is_name):
    """A test for `<site>/<middle>/<name>`."""

    def test(value):
        site, found, name = value.rpartition("/%s/" % middle)
        return bool(found) and host_of(site) is not None and is_name(name)

    return test


def did_of(site, multikey):
    host, port = host_of(site)
    if site.startswith("https://") and is_domain_name(host) and host != "localhost":
        return "did:web:" + host + ("%3A" + port if port else "")
    return "did:key:" + multikey


def first_difference(found, wanted, where):
    """Where two JSON values begin to differ, as a path; None when they are the same."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in sorted({*found, *wanted}):
            path = where + "." + name
            inner = first_difference(found[name], wanted[name], path) if name in found and name in wanted else path
            if inner:
                return inner
        return None
    if isinstance(found, list) and isinstance(wanted, list):
        if len(found) != len(wanted):
            return "%s (%d elements, not %d)" % (where, len(found), len(wanted))
        numbered = enumerate(zip(found, wanted))
        return next(filter(None, (first_difference(a, b, "%s[%d]" % (where, n)) for n, (a, b) in numbered)), None)
    same = type(found) is type(wanted) and found == wanted
    return None if same else where


def fixed(wanted):
    def check(value, where):
        different = first_difference(value, wanted, where)
        need(not different, "%s is not what the format fixes" % different)

    return check


STRING = passing(lambda value: True, "a string")  # the form of the whole says what it has to be
PROOF = {
    "created": passing(is_moment, "a moment"),
    "proofPurpose": fixed("assertionMethod"),
    "proofValue": passing(lambda value: multibase(value, 64), "z and base58btc of 64 bytes"),
    "type": fixed("DataIntegrityProof"),
    "verificationMethod": STRING,
}


def proof_pair(contexts):
    """The two proofs of a document with these contexts: only the first repeats them."""
    first = closed({**PROOF, "@context": fixed(contexts), "cryptosuite": fixed("eddsa-jcs-2022")})
    second = closed({**PROOF, "cryptosuite": fixed("eddsa-rdfc-2022")})

    def check(value, where):
        need(isinstance(value, list) and len(value) == 2, "%s is not an array of two proofs" % where)
        first(value[0], where + "[0]")
        second(value[1], where + "[1]")

    return check


class Secured:
    """A credential with its two proofs: what hour certificates and status lists have in common."""

    def __init__(self, data, options):
        self.data, self.options, self.results, self.sha256 = data, options, [], sha256(data).hex()

    def read(self, schema, what):
        need(len(self.data) <= CREDENTIAL_LIMIT, "it is longer than 1 MiB")
        self.value = read_json(self.data)
        schema(self.value, what)

    def read_key(self, site, did):
        """Section 15: one sound key made both proofs, and the issuer is named by the DID of site and key."""
        proofs, at = self.value["proof"], self.value["validFrom"]
        for number, proof in enumerate(proofs):
            need(proof["created"] == at, "proof[%d].created is not validFrom" % number)
        method = proofs[0]["verificationMethod"]
        need(method == proofs[1]["verificationMethod"], "the two proofs are by different keys")
        multikey = method.rpartition("#")[2]
        key = multibase(multikey, 34)
        need(key and key[:2] == b"\xed\x01", "proof[0].verificationMethod does not name an Ed25519 key")
        self.public, self.key_id = key[2:], sha256(b"Ed25519\n" + key[2:]).hex()
        need(sound_key(self.public), "the key of the proofs is no point, of small order or not canonical")
        need(did == did_of(site, multikey), "the issuer is not the DID of this site and key")
        need(method == did + "#" + multikey, "proof[0].verificationMethod is not a key of the issuer")

    def proof(self):
        """eddsa-jcs-2022: the signature over the hashes of the proof's options and of the document."""
        document = {name: value for name, value in self.value.items() if name != "proof"}
        options = dict(self.value["proof"][0])
        signature = multibase(options.pop("proofValue"), 64)
        message = sha256(canonical_bytes(options)) + sha256(canonical_bytes(document))
        need(ed25519(self.public, signature, message), "the eddsa-jcs-2022 signature is not valid: a field was changed")
        return "the eddsa-jcs-2022 signature by key %s is valid" % self.key_id[:16]

    def proof_rdfc(self):
        raise Skipped("eddsa-rdfc-2022 wants RDF; the digest on the chain covers it (链上摘要已涵盖)")

    def shown(self):
        return []


# ---------------------------------------------------------------------------------------------------------------------
# Section 14: hour certificates
# ---------------------------------------------------------------------------------------------------------------------

TITLE = "首席质量官培训学时证明"
HOURS_RESULT, ACTIVITIES_RESULT = "urn:cqo-ledger:result:credit-hours", "urn:cqo-ledger:result:activities"
CRITERIA = re.compile(
    "1 学时 = (?P<minutes>[1-9][0-9]{0,2}) 分钟（规则 (?P<rulebook>%s)）。所列学时自上链时间起未被篡改；不证明其内容属实。" % RULEBOOK
)
DAY_PATTERN = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
STUDY_HEAD = re.compile("课程 ([-A-Za-z0-9._]{1,64})；培训机构 ")
STUDY_DAYS = re.compile("；(%s) 至 (%s)" % (DAY_PATTERN, DAY_PATTERN))
ACTIVITY_DESCRIPTION = re.compile("培训机构 (.*)；(%s)；参加人数 ([1-9][0-9]{0,5})" % DAY_PATTERN)
NARRATIVE = "；上链时间 (?P<time>%s)；存证编号 (?P<height>%s)-(?P<index>%s)" % (MOMENT, DECIMAL, DECIMAL)
STUDY_NARRATIVE = re.compile("(?P<hours>(?:0|[1-9][0-9]{0,2})\\.[0-9]{2}) 学时" + NARRATIVE)
ACTIVITY_NARRATIVE = re.compile("组织培训活动 1 次" + NARRATIVE)
EVIDENCE_ID = re.compile("urn:cqo-ledger:([-a-z0-9._~%%FA]{1,600}):(%s)" % HEX32)


def decimals(hundredths):
    return "%d.%02d" % divmod(hundredths, 100)


def escaped(origin):
    return origin.replace("/", "%2F").replace(":", "%3A")


def is_text(value):
    """Whether this is a text of up to 200."""
    try:
        text(200)(value, "")
    except Failed:
        return False
    return True


def are_days(first, last):
    """Whether these are the first and the last day of a course (section 3)."""
    return is_day(first) and is_day(last) and 0 <= days_between(first, last) <= 366


def study_description(value, form):
    """The parts of the description of a study entry, or None."""
    head = STUDY_HEAD.match(value)
    if not head:
        return None
    rest = value[head.end() :]
    for found in STUDY_DAYS.finditer(rest):  # a provider's name may hold such days too: one good reading is enough
        provider, after, mark = rest[: found.start()], rest[found.end() :], "；形式说明 "
        reason = after[len(mark) :] if form == "other" else None
        tail = after.startswith(mark) and is_text(reason) if form == "other" else not after
        if tail and is_text(provider) and are_days(found[1], found[2]):
            parts = {"course_code": head[1], "provider": provider, "form_reason": reason}
            return {**parts, "first_day": found[1], "last_day": found[2], "attendees": None}
    return None


def activity_description(value):
    """The parts of the description of an activity, or None."""
    found = ACTIVITY_DESCRIPTION.fullmatch(value)
    if not found or not is_text(found[1]) or not is_day(found[2]) or int(found[3]) > 100000:
        return None
    parts = {"course_code": None, "provider": found[1], "form_reason": None}
    return {**parts, "first_day": found[2], "last_day": found[2], "attendees": int(found[3])}


def read_row(value, where):
    """What a row says: one of `rows` in what `--json` prints."""
    activity, description = value["genre"] == "activity", value["description"]
    pattern = ACTIVITY_NARRATIVE if activity else STUDY_NARRATIVE
    parts = activity_description(description) if activity else study_description(description, value["genre"])
    need(parts, "%s.description is not of its form" % where)
    found = pattern.fullmatch(value["narrative"])
    good = found and is_moment(found["time"]) and None not in (decimal(found["height"]), decimal(found["index"]))
    good = good and decimal(found["index"]) < 65536
    hours = int(found["hours"].replace(".", "")) if good and not activity else None
    need(good and (activity or 1 <= hours <= 10000), "%s.narrative is not of its form" % where)
    return {
        **parts,
        "title": value["name"],
        "form": value["genre"],
        "hours": hours,
        "sealed_at": found["time"],
        "attestation_number": "%s-%s" % (found["height"], found["index"]),
        "commitment": EVIDENCE_ID.fullmatch(value["id"])[2],
    }


def evidence_origin(value):
    """The ledger that the id of a row names; None when it is no such id."""
    found = EVIDENCE_ID.fullmatch(value)
    origin = found and found[1].replace("%2F", "/").replace("%3A", ":")
    return origin if found and re.fullmatch(ORIGIN, origin) and escaped(origin) == found[1] else None


def identifiers(value, where):
    need(isinstance(value, list) and 1 <= len(value) <= 3, "%s is not an array of 1 to 3" % where)
    for number, element in enumerate(value):
        IDENTIFIER(element, "%s[%d]" % (where, number))
    order = [element["identityType"] for element in value]
    good = order[0] == "systemId" and order == [kind for kind in IDENTITIES if kind in order]
    need(good, "%s does not have its identities in order, each once" % where)


def result(name, pattern, most):
    def is_value(value):
        return bool(re.fullmatch(pattern, value)) and int(value.replace(".", "")) <= most

    value = passing(is_value, "a total of its form")
    return closed({"resultDescription": fixed(name), "type": fixed(["Result"]), "value": value})


def results(value, where):
    need(isinstance(value, list) and len(value) == 2, "%s is not an array of two" % where)
    result(HOURS_RESULT, r"(?:0|[1-9][0-9]{0,5})\.[0-9]{2}", 10000000)(value[0], where + "[0]")
    result(ACTIVITIES_RESULT, "0|[1-9][0-9]{0,3}", 1000)(value[1], where + "[1]")


def identity_rule(value, where):
    IDENTITIES[value["identityType"]](value["identityHash"], where + ".identityHash")


IDENTITIES = {
    "systemId": ID,
    "ext:employer": text(200),
    "nationalIdentityNumber": matching(r"[0-9A-Z]\*{1,20}[0-9A-Z]{4}", "a masked ID number"),
}
IDENTIFIER = closed(
    {
        "hashed": fixed(False),
        "identityHash": text(200),
        "identityType": one_of(*IDENTITIES),
        "type": fixed("IdentityObject"),
    },
    identity_rule,
)
LONG = text(CREDENTIAL_LIMIT)
ROW = closed(
    {
        "description": LONG,
        "genre": one_of("lecture", "exchange", "publication", "online", "other", "activity"),
        "id": passing(evidence_origin, "the id of an entry"),
        "name": text(200),
        "narrative": LONG,
        "type": fixed(["Evidence"]),
    },
    read_row,
)
START = passing(lambda value: is_day(value[:10]) and value[10:] == "T00:00:00+08:00", "the beginning of a day")
ACHIEVEMENT = {
    "achievementType": fixed("CertificateOfCompletion"),
    "criteria": closed({"narrative": passing(CRITERIA.fullmatch, "the criteria")}),
    "description": fixed(
        "首席质量官在起止日期内已上链的培训学时 Training hours of a chief quality officer, sealed on the chain"
    ),
    "humanCode": NUMBER,
    "id": fixed("urn:cqo-ledger:achievement:hours"),
    "inLanguage": fixed("zh"),
    "name": fixed(TITLE),
    "resultDescription": fixed(
        [
            {
                "id": HOURS_RESULT,
                "name": "学时 credit hours",
                "resultType": "ext:CreditHours",
                "type": ["ResultDescription"],
            },
            {
                "id": ACTIVITIES_RESULT,
                "name": "组织培训活动 activities organised",
                "resultType": "ext:Activities",
                "type": ["ResultDescription"],
            },
        ]
    ),
    "type": fixed(["Achievement"]),
}
CREDIT_CODE_IDENTIFIER = closed(
    {
        "identifier": CREDIT_CODE,
        "identifierType": fixed("ext:unifiedSocialCreditCode"),
        "type": fixed("IdentifierEntry"),
    }
)


def is_list_number(value):
    return value != "0" and (decimal(value) or LISTS + 1) <= LISTS


def is_index(value):
    return decimal(value) is not None and decimal(value) < 8 * LIST_BYTES


HOUR_CERTIFICATE = closed(
    {
        "@context": fixed(CONTEXTS),
        "credentialStatus": closed(
            {
                "id": STRING,
                "statusListCredential": passing(is_url("status", is_list_number), "the address of a status list"),
                "statusListIndex": passing(is_index, "an index from 0 to 131071"),
                "statusPurpose": fixed("revocation"),
                "type": fixed("BitstringStatusListEntry"),
            }
        ),
        "credentialSubject": closed(
            {
                "achievement": closed(ACHIEVEMENT),
                "activityEndDate": START,
                "activityStartDate": START,
                "id": STRING,
                "identifier": identifiers,
                "name": text(100),
                "result": results,
                "type": fixed(["AchievementSubject"]),
            }
        ),
        "evidence": listing(ROW, 1, 1000),
        "id": passing(is_url("v", is_certificate_number), "the address of a certificate"),
        "issuer": closed(
            {
                "id": STRING,
                "name": text(200),
                "otherIdentifier": listing(CREDIT_CODE_IDENTIFIER, 1, 1),
                "type": fixed(["Profile"]),
            }
        ),
        "name": fixed(TITLE),
        "proof": proof_pair(CONTEXTS),
        "type": fixed(["VerifiableCredential", "OpenBadgeCredential"]),
        "validFrom": passing(is_moment, "a moment"),
    }
)


class HourCertificate(Secured):
    """The steps of section 16 for an hour certificate."""

    kind, steps = "credential", CERTIFICATE_STEPS

    def __init__(self, data, options):
        super().__init__(data, options)
        self.origin = self.bundle = self.entry = self.counted = None  # the last three: once `issued`, `evidence` passed

    def form(self):
        self.read(HOUR_CERTIFICATE, "certificate")
        value, subject, self.issued_at = self.value, self.value["credentialSubject"], self.value["validFrom"]
        site, _, self.number = value["id"].rpartition("/v/")
        self.code, self.name = value["issuer"]["otherIdentifier"][0]["identifier"], value["issuer"]["name"]
        need(subject["achievement"]["humanCode"] == self.number, "humanCode and id do not have the same number")
        need(self.number[3:7] == year_in_china(self.issued_at), "the year of the number is not that of validFrom")
        need(self.number[8:14] == self.code[2:8], "the region of the number is not that of the issuer's credit code")
        identities = {item["identityType"]: item["identityHash"] for item in subject["identifier"]}
        self.learner = {"id": identities["systemId"], "name": subject["name"]}
        self.employer, self.id_number = identities.get("ext:employer"), identities.get("nationalIdentityNumber")
        need(subject["id"] == "urn:uuid:" + self.learner["id"], "credentialSubject.id is not that of the learner")
        self.first_day, self.last_day = (subject["activity%sDate" % end][:10] for end in ("Start", "End"))
        need(self.first_day <= self.last_day, "the first day of the span is after the last one")
        criteria = CRITERIA.fullmatch(subject["achievement"]["criteria"]["narrative"])
        self.rulebook, self.minutes = criteria["rulebook"], int(criteria["minutes"])
        self.totals = [item["value"] for item in subject["result"]]
        ids = [row["id"] for row in value["evidence"]]
        need(len(set(ids)) == len(ids), "evidence holds an entry twice")
        origins = {evidence_origin(name) for name in ids}
        need(len(origins) == 1, "evidence is of several ledgers")
        self.origin = origins.pop()
        status = value["credentialStatus"]
        self.list, self.index = status["statusListCredential"], status["statusListIndex"]
        need(status["id"] == self.list + "#" + self.index, "credentialStatus.id does not name its list and index")
        need(self.list.rpartition("/status/")[0] == site, "the status list is of another site")
        self.read_key(site, value["issuer"]["id"])
        return "%s, %d rows" % (self.number, len(ids))

    def claims(self):
        """What the certificate says, for whoever compares it with the paper. None of it is proven by being here."""
        return {
            "number": self.number,
            "name": self.learner["name"],
            "learner": self.learner["id"],
            "employer": self.employer,
            "id_number": self.id_number,
            "first_day": self.first_day,
            "last_day": self.last_day,
            "rows": [read_row(row, "evidence") for row in self.value["evidence"]],
            "total": int(self.totals[0].replace(".", "")),
            "activities": int(self.totals[1]),
            "minutes": self.minutes,
            "rulebook": self.rulebook,
            "issuer": {"code": self.code, "name": self.name, "did": self.value["issuer"]["id"]},
            "issued": self.issued_at,
            "origin": self.origin,
            "address": self.value["id"],
            "status": {"list": self.list, "index": int(self.index)},
            "sha256": self.sha256,
        }

    def certificate_entries(self, bundle, document, digest):
        """The entries of a bundle that say that a document with this digest was issued under the number."""
        if failed(self.results[:1]) or bundle.origin != self.origin:
            return []
        return bundle.proven("certificate", document=document, number=self.number, sha256=digest)

    def is_served_by(self, bundle):
        return any(self.certificate_entries(bundle, "credential", self.sha256))

    def issued(self):
        for bundle in self.options.bundles:
            for item in self.certificate_entries(bundle, "credential", self.sha256):
                block = bundle.blocks[item["block"]][0]
                need(self.issued_at <= block.time, "it says that it was issued after the time of its block")
                self.bundle, self.entry = bundle, item
                return "issued as entry %d-%d, sealed %s" % (item["block"], item["index"], block.time)
        for bundle in self.options.bundles:
            others = bundle.proven("certificate", document="credential", number=self.number)
            another = bundle.origin == self.origin and any(others)
            need(not another, "the chain has another document under the number %s" % self.number)
        raise Open("no bundle proves that it was issued (缺少签发记录的存证包)")

    def issuer(self):
        if self.bundle is None:
            raise Open("no bundle proves that it was issued (缺少签发记录的存证包)")
        signers = [signature["key"] for signature in self.entry["signed"]["signatures"]]
        need(signers == [self.key_id], "the certificate entry is not signed by the key of the proofs alone")
        key = self.bundle.register.keys[self.key_id]
        need(key["owner"] == self.code, "issuer.otherIdentifier is not the code of the key's owner")
        need(key["name"] == self.name, "issuer.name is not the name of the key's owner")
        for bundle in self.options.bundles:
            if bundle.origin == self.origin:
                since = bundle.register.compromised_from(self.key_id)
                need(since is None or since > self.entry["block"], "the issuer's key was compromised by then")
        if not self.bundle.passed("checkpoint"):
            raise Open("nobody vouches for the checkpoint of its bundle (存证包的检查点未通过)")
        return "the key belongs to %s (%s)" % (self.name, self.code)

    def evidence(self):
        """The rows, rebuilt from the entries on the chain, are the certificate's; so are the hours, added up anew."""
        if self.bundle is None:
            raise Open("no bundle proves that it was issued (缺少签发记录的存证包)")
        entry = self.entry["signed"]["entry"]
        records = {record["name"]: record for record in self.bundle.records() if record["entry"] is not entry}
        for record in records.values():
            good = record["entry"]["kind"] in ("study", "activity", "correction")
            need(good, "entry %d-%d is no study, activity or correction entry" % record["place"])
        first, missing = judge_corrections(records)
        need(not missing, "the target of a correction is not in the bundle")
        counted, hours, activities = [], 0, 0
        for record in records.values():
            speaker, says = said_in_the_end(record, first)
            if says:
                counted.append((speaker["place"], speaker, says, record["provider"]))
        counted.sort(key=lambda item: item[0])
        for place, speaker, says, _ in counted:
            at, study = "entry %d-%d" % place, says["kind"] == "study"
            need(speaker["entry"]["learner"]["id"] == self.learner["id"], "%s is of another learner" % at)
            need(speaker["entry"]["learner"]["name"] == self.learner["name"], "%s has another learner's name" % at)
            day = says["last_day"] if study else says["date"]
            need(self.first_day <= day <= self.last_day, "%s lies outside the span" % at)
            hours, activities = hours + (says["hours"] if study else 0), activities + (not study)
        rows = [self.row(speaker, says, provider) for _, speaker, says, provider in counted]
        different = first_difference(self.value["evidence"], rows, "evidence")
        need(not different, "%s is not what the chain says" % different)
        totals = [decimals(hours), str(activities)]
        different = first_difference(self.totals, totals, "credentialSubject.result")
        need(not different, "%s is not what the rows add up to: %s and %s" % (different, *totals))
        need(entry["rulebook"] == self.rulebook, "criteria.narrative names another rulebook than the certificate entry")
        self.counted = {speaker["commitment"] for _, speaker, _, _ in counted}
        return "%d rows as on the chain, %s credit hours and %s activities (学时重新相加一致)" % (len(rows), *totals)

    def row(self, speaker, says, provider):
        """Section 14: the row of a counted entry."""
        place, block = speaker["place"], self.bundle.blocks[speaker["place"][0]][0]
        sealed = "；上链时间 %s；存证编号 %d-%d" % (block.time, *place)
        row = {"id": "urn:cqo-ledger:%s:%s" % (escaped(self.origin), speaker["commitment"].hex()), "type": ["Evidence"]}
        if says["kind"] == "activity":
            row["description"] = "培训机构 %s；%s；参加人数 %d" % (provider, says["date"], says["attendees"])
            row["narrative"] = "组织培训活动 1 次" + sealed
            return {**row, "genre": "activity", "name": says["topic"]}
        parts = (says["course"]["code"], provider, says["first_day"], says["last_day"])
        row["description"] = "课程 %s；培训机构 %s；%s 至 %s" % parts
        if says["form"] == "other":
            row["description"] += "；形式说明 " + says["form_reason"]
        row["narrative"] = "%s 学时" % decimals(says["hours"]) + sealed
        return {**row, "genre": says["form"], "name": says["course"]["title"]}

    def in_force(self):
        for bundle in self.options.bundles:
            for item in bundle.proven("correction") if bundle.origin == self.origin else ():
                target, at = item["signed"]["entry"]["target"]["commitment"], (item["block"], item["index"])
                holds = bytes.fromhex(target) in (self.counted or ())
                need(not holds, "entry %d-%d corrects an entry that it holds (已更正)" % at)
        lists = [each for each in self.options.lists if each.speaks_for(self)]
        newest = max((each.value["validFrom"] for each in lists), default=None)
        lists = [each for each in lists if each.value["validFrom"] == newest]
        revoked = any(each.is_set(int(self.index)) for each in lists)
        need(not revoked, "the status list of %s has its bit set: revoked or corrected (已撤销或已更正)" % newest)
        if self.counted is None:
            raise Open("its evidence could not be checked (学时明细无法核验)")
        if not lists:
            raise Open("no good status list covers the moment asked for (缺少该时刻有效的状态列表)")
        return "the status list of %s has its bit clear" % newest


# ---------------------------------------------------------------------------------------------------------------------
# Section 16: status lists
# ---------------------------------------------------------------------------------------------------------------------

LIST_BYTES = 16384
STATUS_LIST = closed(
    {
        "@context": fixed(CONTEXTS[:1]),
        "credentialSubject": closed(
            {
                "encodedList": matching("u[-_0-9A-Za-z]+", "u and base64url"),
                "id": STRING,
                "statusPurpose": fixed("revocation"),
                "type": fixed("BitstringStatusList"),
            }
        ),
        "id": passing(is_url("status", is_list_number), "the address of a status list"),
        "issuer": STRING,
        "proof": proof_pair(CONTEXTS[:1]),
        "type": fixed(["VerifiableCredential", "BitstringStatusListCredential"]),
        "validFrom": passing(is_moment, "a moment"),
        "validUntil": passing(is_moment, "a moment"),
    }
)


def inflate_list(encoded):
    """The bits: base64url in its only spelling, one gzip member, exactly 16,384 bytes and nothing after it."""
    try:
        data = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        data = None
    good = data is not None and base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") == encoded
    need(good, "encodedList is not base64url without padding")
    stream = zlib.decompressobj(wbits=31)
    try:
        bits = stream.decompress(data, LIST_BYTES + 1)
    except zlib.error:
        raise Failed("encodedList is not gzip")
    need(len(bits) == LIST_BYTES and stream.eof, "encodedList does not inflate to exactly 16,384 bytes")
    need(not stream.unused_data, "encodedList has bytes after its gzip member")
    return bits


class StatusList(Secured):
    """The steps of section 16 for a status list."""

    kind, steps = "status", STATUS_STEPS

    def __init__(self, data, options):
        super().__init__(data, options)
        self.owners = {}  # origin -> credit code of the owner of its key, where step `issuer` passed

    def form(self):
        self.read(STATUS_LIST, "list")
        value = self.value
        site, _, number = value["id"].rpartition("/status/")
        self.number = int(number)
        need(value["credentialSubject"]["id"] == value["id"] + "#list", "credentialSubject.id is not that of the list")
        need(value["validFrom"] < value["validUntil"], "validUntil is not after validFrom")
        self.bits = inflate_list(value["credentialSubject"]["encodedList"][1:])
        self.read_key(site, value["issuer"])
        return "list %d, from %s until %s" % (self.number, value["validFrom"], value["validUntil"])

    def issuer(self):
        """By the longest register of each ledger: its key works, or the chain names this very edition."""
        bundles, longest, revoked = [each for each in self.options.bundles if each.passed("checkpoint")], {}, False
        for bundle in bundles:
            known = longest.setdefault(bundle.origin, bundle)
            if len(bundle.value["keys"]) > len(known.value["keys"]):
                longest[bundle.origin] = bundle
        for origin, bundle in longest.items():
            key, since = bundle.register.keys.get(self.key_id), bundle.register.compromised_from(self.key_id)
            editions = (
                item
                for each in bundles
                for item in each.proven("status", action="list", list=self.number, sha256=self.sha256)
                if each.origin == origin and (since is None or item["block"] < since)
            )
            signers = {signature["key"] for item in editions for signature in item["signed"]["signatures"]}
            works = key and key["role"] == "issuer" and "status" in key["kinds"] and key["ended"] is None
            if key and (works or self.key_id in signers):
                self.owners[origin] = key["owner"]
            revoked = revoked or bool(key and key["revoked"])
        if not self.owners:
            need(not revoked, "its key was revoked, and no bundle proves this edition (密钥已撤销)")
            raise Open("no register that passed has its key (没有通过核验的密钥登记含此密钥)")
        return "its key belongs to %s" % ", ".join(sorted(set(self.owners.values())))

    def speaks_for(self, certificate):
        """Whether this list tells about the certificate at the moment asked for."""
        good = {state for _, state, _ in self.results} <= {PASSED, SKIPPED}
        good = good and self.value["id"] == certificate.list and self.owners.get(certificate.origin) == certificate.code
        return good and self.value["validFrom"] <= self.options.moment < self.value["validUntil"]

    def is_set(self, index):
        return bool(self.bits[index // 8] & 0x80 >> index % 8)


# ---------------------------------------------------------------------------------------------------------------------
# Section 17: PDF, read by the profile of its one writer
# ---------------------------------------------------------------------------------------------------------------------

# The frame, the values, the names and the attachments of the section, in its order.
PDF_LIMIT, PDF_OBJECTS, PDF_VALUE, PDF_DEPTH = 16 * 1024 * 1024, 200000, 1024 * 1024, 16
PDF_HEADER = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n"
PDF_INT = b"(0|[1-9][0-9]{0,7})"
PDF_START = re.compile(b"\nstartxref\n" + PDF_INT + b"\n%%EOF")
PDF_TABLE = re.compile(
    b"xref\n0 %(int)s\n0000000000 65535 f\r\n((?:00[0-9]{8} 00000 n\r\n)*)trailer\n<</Size %(int)s/Root %(int)s 0 R"
    rb"/Info %(int)s 0 R/ID\[\([0-9A-Za-z+/=]{24}\)\([0-9A-Za-z+/=]{24}\)\]>>" b"\nstartxref\n%(int)s\n%%%%EOF"
    % {b"int": PDF_INT}
)  # fmt: skip
PDF_ENDED = rb"(?=[ \n/<>\[\](]|\Z)"
PDF_NAME = re.compile(rb"/(?:application#2Fjson|[0-9A-Za-z._+\-:*]{1,100})" + PDF_ENDED)
PDF_REFERENCE = re.compile(b"([1-9][0-9]{0,7}) 0 R" + PDF_ENDED)
PDF_SIMPLE = re.compile(  # a number, a word, a string in hexadecimal
    rb"(?:-?[0-9]{1,16}(?:\.[0-9]{1,16})?|true|false|null)" + PDF_ENDED + rb"|<(?:[0-9A-F]{2})*>"
)
PDF_TEXT = re.compile(rb"(?:[ -'*-\[\]-~]|\\(?:[nrtbf()\\]|[0-3][0-7][0-7]))*")  # what stands between two parentheses
PDF_COUNTS = {
    b"/AF": 1, b"/AFRelationship": 2, b"/Catalog": 1, b"/EF": 2, b"/EmbeddedFile": 2, b"/EmbeddedFiles": 1, b"/F": 4,
    b"/Filespec": 2, b"/Names": 2, b"/UF": 4,
}  # fmt: skip
PDF_FORBIDDEN = {
    b"/" + name
    for name in b"""3D AA AcroForm Action Annot Annots Collection Encrypt Extensions FDecodeParms FFilter FS
    FileAttachment GoTo GoTo3DView GoToE GoToR ImportData JS JavaScript Launch Linearized Movie OC OCG OCMD OCProperties
    ObjStm OpenAction PS Perms PieceInfo RF Rendition RichMedia Screen Sound SubmitForm Threads URI Widget XFA XRef
    XRefStm""".split()
}


class PdfValues:
    """A reader of the values of all objects. A reference becomes an int, everything else but dictionaries and arrays
    the bytes as they stand, so that two spellings of one thing differ."""

    def __init__(self, objects):
        self.objects, self.counts = objects, dict.fromkeys(PDF_COUNTS, 0)

    def read(self, body, where):
        """The value at the beginning of a body, and what follows it."""
        self.body, self.at, self.where = body[:PDF_VALUE], 0, where
        value = self.value(1)
        return value, body[self.at :]

    def past(self, token):
        found = self.body.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def take(self, pattern):
        found = pattern.match(self.body, self.at)
        need(found, "%s: byte %d of its value is not of the form" % (self.where, self.at))
        self.at = found.end()
        return found[0]

    def value(self, depth):
        if self.past(b"<<"):
            return self.dictionary(depth)
        if self.past(b"["):
            return self.array(depth)
        if self.body.startswith(b"(", self.at):
            return self.text()
        if self.body.startswith(b"/", self.at):
            return self.name()
        if PDF_REFERENCE.match(self.body, self.at):
            target = int(self.take(PDF_REFERENCE).split()[0])
            need(target <= self.objects, "%s refers to object %d, which does not exist" % (self.where, target))
            return target
        return self.take(PDF_SIMPLE)

    def dictionary(self, depth):
        need(depth <= PDF_DEPTH, "%s is nested too deep" % self.where)
        members = {}
        while True:
            self.past(b" ")
            if self.past(b">>"):
                return members
            key = self.name()
            need(key not in members, "%s has the key %s twice" % (self.where, key.decode("ascii")))
            self.past(b" ")
            members[key] = self.value(depth + 1)

    def array(self, depth):
        need(depth <= PDF_DEPTH, "%s is nested too deep" % self.where)
        items = []
        while True:
            self.past(b" ")
            if self.past(b"]"):
                return items
            items.append(self.value(depth + 1))

    def name(self):
        name = self.take(PDF_NAME)
        need(name not in PDF_FORBIDDEN, "%s has the name %s, which is not allowed" % (self.where, name.decode("ascii")))
        if name in self.counts:
            self.counts[name] += 1
        return name

    def text(self):
        begin, depth = self.at, 0
        while True:
            opens = self.past(b"(")
            need(opens or self.past(b")"), "%s: byte %d of its value is not of the form" % (self.where, self.at))
            depth += 1 if opens else -1
            if not depth:
                return self.body[begin : self.at]
            self.take(PDF_TEXT)


def pdf_objects(pdf):
    """The value and the data of each object, and the number of the catalog. Objects fill the file without a gap."""
    need(len(pdf) <= PDF_LIMIT, "it is longer than 16 MiB")
    need(pdf.startswith(PDF_HEADER), "it does not begin as the issuing program's PDFs do")
    start = PDF_START.search(pdf, max(0, len(pdf) - 32))
    need(start and start.end() == len(pdf), "it does not end with startxref, an offset and %%EOF")
    table = PDF_TABLE.fullmatch(pdf, int(start[1]))
    need(table, "its cross-reference table is not of the form")
    size, root, info = int(table[1]), int(table[4]), int(table[5])
    offsets = [int(line[:10]) for line in table[2].split(b"\r\n")[:-1]]
    need(int(table[3]) == size == len(offsets) + 1 and 1 <= len(offsets) <= PDF_OBJECTS, "its table has another size")
    need(1 <= root < size and 1 <= info < size, "its catalog or its information is no object")
    need(offsets[0] == len(PDF_HEADER), "object 1 does not follow the header")
    values, objects = PdfValues(len(offsets)), []
    for number, (begin, end) in enumerate(zip(offsets, [*offsets[1:], int(start[1])]), 1):
        where, head, tail = "object %d" % number, b"%d 0 obj\n" % number, b"\nendobj\n"
        body = pdf[begin:end]
        good = body.startswith(head) and body.endswith(tail) and len(body) >= len(head) + len(tail)
        need(good, "%s does not fill the place that the table gives it" % where)
        value, rest = values.read(body[len(head) : -len(tail)], where)
        data = None
        if rest:
            head, tail = b"\nstream\n", b"\nendstream"
            good = rest.startswith(head) and rest.endswith(tail) and len(rest) >= len(head) + len(tail)
            need(good, "%s is followed by something else" % where)
            data = rest[len(head) : -len(tail)]
            length = value.get(b"/Length") if isinstance(value, dict) else None
            need(length == b"%d" % len(data), "the stream of %s has another length than it says" % where)
        objects.append((value, data))
    for name, count in PDF_COUNTS.items():
        found = values.counts[name]
        need(found == count, "%s stands there %d times, not %d" % (name.decode("ascii"), found, count))
    return objects, root


ATTACHMENTS = ((b"(credential.json)", b"/Source", CREDENTIAL_LIMIT), (b"(proof.json)", b"/Supplement", BUNDLE_LIMIT))
CATALOG = b"AF Lang MarkInfo Metadata Names OutputIntents Outlines Pages StructTreeRoot Type ViewerPreferences"


def has(value, keys, **fixed_members):
    """Whether this is a dictionary of exactly these keys, some of which have fixed values."""
    if not isinstance(value, dict) or set(value) != {b"/" + key for key in keys.split()}:
        return False
    return all(value[b"/" + key.encode("ascii")] == wanted for key, wanted in fixed_members.items())


def is_pdf_text(value):
    return isinstance(value, bytes) and value[:1] in (b"(", b"<")


def read_attachments(pdf):
    """The bytes of credential.json and proof.json."""
    objects, root = pdf_objects(pdf)
    catalog, data = objects[root - 1]
    good = data is None and has(catalog, CATALOG, Type=b"/Catalog")
    good = good and has(catalog[b"/Names"], b"EmbeddedFiles") and has(catalog[b"/Names"][b"/EmbeddedFiles"], b"Names")
    need(good, "the catalog is not of the form")
    files, names = catalog[b"/AF"], catalog[b"/Names"][b"/EmbeddedFiles"][b"/Names"]
    good = isinstance(files, list) and [type(item) for item in files] == [int, int]
    good = good and names == [ATTACHMENTS[0][0], files[0], ATTACHMENTS[1][0], files[1]]
    need(good, "/AF and the name tree do not name the same two attachments in order")
    streams = []
    for number, (name, relation, _) in zip(files, ATTACHMENTS):
        value, data = objects[number - 1]
        good = data is None and has(value, b"AFRelationship Desc EF F Type UF", Type=b"/Filespec", F=name, UF=name)
        good = good and value[b"/AFRelationship"] == relation and is_pdf_text(value[b"/Desc"])
        good = good and has(value[b"/EF"], b"F UF")
        stream = value[b"/EF"][b"/F"] if good else None
        good = good and isinstance(stream, int) and value[b"/EF"][b"/UF"] == stream
        need(good, "the file specification of %s is not of the form" % name.decode("ascii"))
        streams.append(stream)
    need(streams[0] != streams[1], "both attachments are the same stream")
    return [inflate_attachment(*objects[stream - 1], *about) for stream, about in zip(streams, ATTACHMENTS)]


def inflate_attachment(value, data, name, _, limit):
    at = name.decode("ascii")
    kind = {"Type": b"/EmbeddedFile", "Filter": b"/FlateDecode", "Subtype": b"/application#2Fjson"}
    good = data is not None and has(value, b"Filter Length Params Subtype Type", **kind)
    good = good and has(value[b"/Params"], b"ModDate Size") and is_pdf_text(value[b"/Params"][b"/ModDate"])
    size = value[b"/Params"][b"/Size"] if good else None
    good = good and isinstance(size, bytes) and re.fullmatch(PDF_INT, size)
    need(good, "the stream of %s is not of the form" % at)
    need(int(size) <= limit, "%s has more than %d bytes" % (at, limit))
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, int(size) + 1)
    except zlib.error:
        raise Failed("the compressed data of %s is damaged" % at)
    need(data.startswith(b"\x78\x9c") and stream.eof and not stream.unused_data and len(content) == int(size),
         "%s is not exactly one stream of the size that it says" % at)  # fmt: skip
    return content

class Pdf:
    """An hour certificate on paper, with its credential and its bundle attached."""

    kind, steps = "pdf", PDF_STEPS

    def __init__(self, data, options):
        self.data, self.options, self.results, self.sha256 = data, options, [], sha256(data).hex()
        self.certificate = None
        run(self.form, self.results, "form")  # at once: the attachments are files of this run

    def form(self):
        self.attached = read_attachments(self.data)
        return "a PDF of the issuing program with two attachments, of %d and %d bytes" % tuple(map(len, self.attached))

    def parts(self, name):
        """The attachments as files of their own. Whatever they hold, each is checked as its kind."""
        if failed(self.results):
            return []
        self.certificate = HourCertificate(self.attached[0], self.options)
        bundle = Bundle(self.attached[1], self.options)
        return [(name + "#credential.json", self.certificate), (name + "#proof.json", bundle)]

    def printed_page(self):
        for bundle in self.options.bundles:
            for item in self.certificate.certificate_entries(bundle, "pdf", self.sha256):
                return "this very file was sealed as entry %d-%d" % (item["block"], item["index"])
        raise Open("no bundle proves this file: the attachments say nothing about the printed page (印刷页未经证明)")

    def shown(self):
        return []


# ---------------------------------------------------------------------------------------------------------------------
# All files together
# ---------------------------------------------------------------------------------------------------------------------


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
        records = {}  # (origin, entry id) -> what was recorded, and where
        for bundle in (file for file in self.files if file.kind == "proof"):
            for record in bundle.records():
                known = records.setdefault(record["name"], record)
                good = (known["commitment"], known["place"]) == (record["commitment"], record["place"])
                need(good, "two different entries of %s have the id %s" % record["name"])
        records = dict(sorted(records.items(), key=lambda pair: pair[1]["place"]))
        first, missing = judge_corrections(records)
        self.total(records, first)
        if not records:
            raise Open("no entry passed (没有通过核验的记录)")
        if missing:
            raise Open("%d corrections have their target in none of the files (缺少被更正的记录)" % missing)
        return "all corrections among the files hold, and the first one of each target counts"

    def total(self, records, first):
        """What each learner's study and activity entries say in the end."""
        sums = {}
        for (origin, _), record in records.items():
            entry = record["entry"]
            if "learner" not in entry:
                continue
            nothing = {"id": entry["learner"]["id"], "name": "", "hours": 0, "entries": 0, "activities": 0}
            learner = sums.setdefault((origin, entry["learner"]["id"]), nothing)
            learner["name"] = entry["learner"]["name"]  # the newest comes last
            _, says = said_in_the_end(record, first)
            if says and says["kind"] == "study":
                learner["hours"] += says["hours"]
                learner["entries"] += 1
            elif says:
                learner["activities"] += 1
        self.learners = [sums[who] for who in sorted(sums)]


def failed(results):
    return FAILED in [state for _, state, _ in results]


def run(step, results, name):
    """Run one step and note its outcome."""
    try:
        results.append((name, PASSED, step()))
    except Failed as reason:
        results.append((name, FAILED, str(reason)))
    except Open as reason:
        results.append((name, OPEN, str(reason)))
    except Skipped as reason:
        results.append((name, SKIPPED, str(reason)))


def run_after(step, results, name):
    """Run one step, unless one before it failed."""
    if failed(results):
        results.append((name, OPEN, "a step before it failed (前一步骤失败)"))
    else:
        run(step, results, name)


def check_all(proofs, options):
    """Run every step of every file. Bundles come first, since they speak for the others; then come the status lists."""

    def check(chosen, begin, end):
        for proof in chosen:
            for step in proof.steps[begin:end]:
                run_after(getattr(proof, step), proof.results, step)
            proof.data = None

    kinds = {kind: [proof for proof in proofs if proof.kind == kind] for kind in {proof.kind for proof in proofs}}
    bundles, certificates, lists = (kinds.get(kind, []) for kind in ("proof", "credential", "status"))
    check(bundles, 0, -1)
    check(kinds.get("tlog-proof", []), 0, None)
    check(certificates, 0, 1)
    options.bundles = [bundle for bundle in bundles if not failed(bundle.results)]
    options.certificates, options.lists = certificates, lists
    check(bundles, -1, None)  # `in_force`: whether it serves a certificate of this run
    check(lists, 0, None)
    check(certificates, 1, None)
    check(kinds.get("pdf", []), 1, None)  # `form` was told when it was read


def read(name, limit):
    """At most limit + 1 bytes of a file."""
    try:
        with open(name, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        why = error.__class__.__name__
        raise Misuse("cannot read %s: %s" % (show(name), why), "无法读取 %s：%s" % (show(name), why))


def load(data, options):
    """The proof in a file, by its content. Once recognised, whatever is wrong with it fails its step `form`."""
    if data.startswith(TLOG_HEADER):
        return BlockProof(data, options)
    if data.startswith(b"%PDF-"):
        return Pdf(data, options)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise Misuse("it is neither UTF-8 nor a tlog-proof or PDF", "不是 UTF-8，也不是 tlog-proof 或 PDF")
    if len(data) > BUNDLE_LIMIT:
        raise Misuse("it is longer than 16 MiB", "超过 16 MiB")
    for kind, sign in SIGNS:
        if sign in data:
            return kind(data, options)
    kinds = "it is no proof bundle, hour certificate, status list or tlog-proof"
    raise Misuse(kinds, "不是证明包、学时证明、状态清单，也不是 tlog-proof")


SIGNS = (
    (Bundle, b'"format":"cqo-ledger/proof/v1"'),
    (HourCertificate, b'"OpenBadgeCredential"'),
    (StatusList, b'"BitstringStatusListCredential"'),
)


# ---------------------------------------------------------------------------------------------------------------------
# The command line
# ---------------------------------------------------------------------------------------------------------------------

STATES = {
    PASSED: "通过 passed", FAILED: "失败 failed", OPEN: "无法核验 could not be checked", SKIPPED: "不需要 not needed here",
}  # fmt: skip
STEP_NAMES = {
    "form": "格式 form", "checkpoint": "检查点 checkpoint", "chain": "区块链 chain", "keys": "密钥登记 keys",
    "batch": "批次 batch", "signatures": "签名 signatures", "one_chain": "同一条链 one_chain",
    "corrections": "更正 corrections", "in_force": "现行有效 in_force", "proof": "签名 proof",
    "proof_rdfc": "RDF 签名 proof_rdfc", "issued": "签发 issued", "issuer": "签发机构 issuer", "evidence": "学时明细 evidence",
    "printed_page": "印刷页 printed_page",
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
    parser.add_argument("--status", metavar="FILE", action="append", default=[], help="status list (状态列表), repeatable")
    parser.add_argument("--leaf", metavar="FILE", help="the block text of a .tlog-proof (区块正文)")
    parser.add_argument("--at", metavar="MOMENT", help="judge as of this moment, e.g. 2026-11-22T08:00:00.123Z")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("files", metavar="FILE", nargs="+", help="certificate (PDF, JSON), *.proof.json, *.tlog-proof")
    options = parser.parse_args(arguments)
    if options.at is not None and not is_moment(options.at):
        raise Misuse("--at wants a moment such as 2026-11-22T08:00:00.123Z")
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    options.moment = options.at or now.replace("+00:00", "Z")  # what `in_force` is asked for (section 16)
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
    options, files, unreadable = options_of(arguments), [], False
    for number, name in enumerate(options.files + options.status):
        try:
            proof = load(read(name, BUNDLE_LIMIT), options)
            if number >= len(options.files) and proof.kind != "status":
                raise Misuse("it is no status list", "不是状态清单")
            files.append((name, proof))
            files += proof.parts(name) if proof.kind == "pdf" else []
        except Misuse as reason:
            unreadable = True
            files.append((name, reason))
    proofs = [proof for _, proof in files if not isinstance(proof, Misuse)]
    check_all(proofs, options)
    joint = Joint(proofs)
    states = [state for results in [*(proof.results for proof in proofs), joint.results] for _, state, _ in results]
    status = 1 if FAILED in states else 2 if unreadable else 3 if OPEN in states else 0
    listed = [as_object(name, proof) for name, proof in files]
    return {"exit": status, "files": listed, "joint": {"steps": as_objects(joint.results), "learners": joint.learners}}


def as_object(name, proof):
    if isinstance(proof, Misuse):
        return {"file": name, "kind": None, "steps": [], "error": str(proof), "error_zh": proof.chinese}
    report = {"file": name, "kind": proof.kind, "steps": as_objects(proof.results)}
    if proof.kind == "credential" and not failed(proof.results[:1]):
        report["certificate"] = proof.claims()
    return report


def as_objects(results):
    return [{"step": name, "state": state, "detail": detail} for name, state, detail in results]


PAPER = (
    ("number", "证书编号 Certificate No."), ("name", "姓名 Name"), ("employer", "所在组织 Employer"),
    ("id_number", "证件号码 ID number"), ("first_day", "起始日期 From"), ("last_day", "截止日期 To"),
    ("rows", "学时记录 Rows"), ("total", "合计学时 Total credit hours"), ("activities", "组织培训活动 Activities organised"),
    ("issued", "签发 Issued"), ("sha256", "SHA-256"),
)  # fmt: skip


def print_certificate(claims):
    """The signed fields, to compare with the paper."""
    say("  证书所载 what it says, to compare with the paper:")
    shown = {**claims, "total": decimals(claims["total"]), "rows": len(claims["rows"])}
    for name, label in PAPER:
        if shown[name] is not None:
            say("    %s: %s" % (label, shown[name]))
    say("    签发机构 Issued by: %(name)s (%(code)s) %(did)s" % claims["issuer"])


def print_report(report):
    def print_steps(steps):
        for step in steps:
            say("  %s  %s: %s" % (STATES[step["state"]], STEP_NAMES[step["step"]], step["detail"]))

    for file in report["files"]:
        say("%s" % file["file"])
        print_steps(file["steps"])
        if "certificate" in file:
            print_certificate(file["certificate"])
        if "error" in file:
            say("  无法读取 unreadable: %s / %s" % (file["error_zh"], file["error"]))
    if report["joint"]["steps"]:
        say("合并 all files together")
        print_steps(report["joint"]["steps"])
        for who in report["joint"]["learners"]:
            hours = decimals(who["hours"])
            line = "  学时合计 credit hours: %s (%s) %s, %d 条 entries, 组织培训活动 activities %d"
            say(line % (who["name"], who["id"], hours, who["entries"], who["activities"]))
    if report.get("error"):
        say("错误 error: %s / %s" % (report["error_zh"], report["error"]))
    say("结果 result: %s (%d)" % (CLOSING[report["exit"]], report["exit"]))


def main(arguments):
    try:
        report = verify(arguments)
    except (Misuse, MemoryError) as reason:
        error, error_zh = (str(reason), reason.chinese) if isinstance(reason, Misuse) else ("out of memory", "内存不足")
        nothing = {"steps": [], "learners": []}
        report = {"exit": 2, "files": [], "joint": nothing, "error": error, "error_zh": error_zh}
    except Exception as fault:  # a fault of this program must neither pass for a verdict nor end in a traceback
        nothing = {"steps": [], "learners": []}
        what = show(str(fault))
        report = {"exit": 2, "files": [], "joint": nothing, "error": "internal fault: " + what, "error_zh": "程序故障：" + what}
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
