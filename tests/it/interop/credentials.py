"""openbadgeslib checks our certificates: credentials.py DIR"""

import json
import sys
from pathlib import Path

from openbadgeslib.ob3 import OB3LdpVerifier, OB3VerificationError, decode_encoded_list, set_indices

DIR = Path(sys.argv[1])
DID = (DIR / "did.json").read_bytes()


def read(name):
    return json.loads((DIR / name).read_text())


def download(url, *args, **kwargs):
    if url != "https://ledger.example.cn/.well-known/did.json":
        raise AssertionError(f"fetched {url}")
    return DID


def accepted(document):
    """Whether the library accepts it; it chooses the proof that it knows among the two."""
    method = document["proof"][0]["verificationMethod"].split("#")[0]
    verifier = OB3LdpVerifier.for_issuer_did(method, download=download)
    try:
        verifier.verify(document, download=download)
    except OB3VerificationError as error:
        return str(error)
    return None


failures = 0


def expect(good, what, why=""):
    global failures
    print(f"ok {what}" if good else f"FAILED {what}: {why}")
    failures += not good


for name in ["certificate-key.json", "certificate-web.json"]:
    document = read(name)
    why = accepted(document)
    expect(why is None, f"openbadgeslib accepts {name}", why)
    document["credentialSubject"]["result"][0]["value"] = "99.00"
    expect(accepted(document) is not None, f"openbadgeslib refuses a changed {name}")

bits = decode_encoded_list(read("status.json")["credentialSubject"]["encodedList"])
expect(list(set_indices(bits)) == [94567], "openbadgeslib reads the one bit that is set", "others are set")
sys.exit(1 if failures else 0)
