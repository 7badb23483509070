"""Rebuilds a ledger's batches and chain with pymerkle, and has pymerkle verify the paths of a proof bundle.

Usage: pymerkle_check.py URL BUNDLE

Nothing here is shared with cqo-ledger; the formats are those of proofs/FORMATS.md. Needs pymerkle 7 or later, which hashes
with the 0x00 and 0x01 prefixes of RFC 6962 unless it is told otherwise (`disable_security`). Its proofs carry, besides the
hashes, the leaf's own hash and a rule that says on which side each hash stands. A bundle has neither, since both follow
from index and size: the rule is taken from the proof that pymerkle makes itself, and the hashes are those of the bundle.
"""

import base64
import hashlib
import json
import sys
import urllib.request

from pymerkle import InmemoryTree, InvalidProof
from pymerkle import verify_consistency, verify_inclusion
from pymerkle.proof import MerkleProof

ALGORITHM = "sha256"
TIMEOUT_S = 60


class Mismatch(Exception):
    """What pymerkle makes is not what the ledger says."""


def expect(condition, what):
    if not condition:
        raise Mismatch(what)


def tree_of(leaves):
    tree = InmemoryTree(algorithm=ALGORITHM)
    for leaf in leaves:
        tree.append_entry(leaf)
    return tree


def get(url):
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        return answer.read()


def fields(text):
    """The named lines of a block."""
    return dict(line.split(" ", 1) for line in text.decode().splitlines()[2:])


def checkpoint_of(note):
    """Size and root of a checkpoint. Its signature is another program's to check."""
    lines = note.split("\n")
    return int(lines[1]), base64.b64decode(lines[2])


def canonical(value):
    """RFC 8785 for documents whose member names are ASCII and whose numbers are integers, as all of ours are."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def check_path(tree, leaf, index, size, path, root, what):
    """Has pymerkle verify an inclusion path of the ledger's."""
    proof = tree.prove_inclusion(index + 1, size).serialize()
    own = proof["path"]
    proof["path"] = [own[0], *path]
    expect(proof["path"] == own, f"{what}: the path is not the one that pymerkle makes")
    base = tree.hash_buff(leaf)
    verify_inclusion(base, root, MerkleProof.deserialize(proof), index=index + 1, size=size, algorithm=ALGORITHM)
    # A verifier that accepts everything would say the same.
    for i in range(len(proof["path"])):
        wrong = dict(proof, path=[h if i != j else h[::-1] for j, h in enumerate(proof["path"])])
        try:
            verify_inclusion(base, root, MerkleProof.deserialize(wrong), algorithm=ALGORITHM)
        except InvalidProof:
            continue
        raise Mismatch(f"{what}: pymerkle accepts a wrong path")


def read_chain(url):
    size, root = checkpoint_of(get(f"{url}/checkpoint").decode())
    texts = [get(f"{url}/api/v1/blocks/{height}") for height in range(size)]
    chain = tree_of(texts)
    expect(chain.get_root(size) == root, "the root of the chain")
    return texts, chain


def read_batches(url, texts):
    batches = []
    for height, text in enumerate(texts):
        data = get(f"{url}/batch/{height}")
        commitments = [data[i : i + 32] for i in range(0, len(data), 32)]
        block = fields(text)
        expect(len(commitments) == int(block["entries"]), f"the number of commitments of block {height}")
        batch = tree_of(commitments)
        expect(batch.get_root().hex() == block["root"], f"the root of batch {height}")
        batches.append((commitments, batch))
    return batches


def check_bundle(bundle, texts, chain, batches):
    size, root = checkpoint_of(bundle["checkpoint"])
    expect(chain.get_root(size) == root, "the bundle's checkpoint")
    # The bundle's chain, and every earlier one, is a prefix of what is served now.
    for earlier in range(1, size + 1):
        proof = chain.prove_consistency(earlier, len(texts))
        verify_consistency(chain.get_root(earlier), chain.get_root(), proof, algorithm=ALGORITHM)
    heights = [(int(fields(block["text"].encode())["height"]), block) for block in bundle["blocks"]]
    for height, block in [*heights, (size - 1, bundle["tip"])]:
        text = block["text"].encode()
        expect(text == texts[height], f"the text of block {height}")
        check_path(chain, text, height, size, block["path"], root, f"block {height}")
    for entry in bundle["entries"]:
        signed, height, index = entry["signed"], entry["block"], entry["index"]
        salted = b"cqo-ledger/commit/v1\n" + signed["entry"]["ledger"].encode() + b"\n" + bytes.fromhex(entry["salt"])
        commitment = hashlib.sha256(salted + canonical(signed)).digest()
        commitments, batch = batches[height]
        expect(commitments[index] == commitment, f"the commitment of entry {height}-{index}")
        root_of_batch = bytes.fromhex(fields(texts[height])["root"])
        check_path(batch, commitment, index, len(commitments), entry["path"], root_of_batch, f"entry {height}-{index}")


def main():
    url, path = sys.argv[1:]
    with open(path, "rb") as file:
        bundle = json.load(file)
    texts, chain = read_chain(url)
    batches = read_batches(url, texts)
    check_bundle(bundle, texts, chain, batches)
    print(f"ok: {len(texts)} batches, {len(bundle['entries'])} entries of the bundle")


if __name__ == "__main__":
    try:
        main()
    except (Mismatch, InvalidProof) as error:
        sys.exit(f"pymerkle_check: {error!r}")
