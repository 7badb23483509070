#!/bin/sh
# Checks one entry of a proof bundle with openssl 3, sha256sum, xxd, sed and grep: FORMATS.md section 12, which explains
# each step. It reads a bundle of exactly one entry by one Ed25519 signature, not at height 0, under a policy with one log.
#
#     sh by-hand.sh [BUNDLE POLICY]
#
# It is an explanation that runs, not a verifier: forms, key state and corrections are left to verify.py.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
bundle=${1:-$here/vectors/good/single-entry.proof.json}
policy=${2:-$here/vectors/policy.txt}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "FAILED: $1" >&2; exit 1; }
same() { [ "$2" = "$3" ] || fail "$1: $2 is not $3"; echo "ok  $1  $2"; }
hash() { sha256sum | cut -d ' ' -f 1; }
unhex() { xxd -r -p; }
# The part of the bundle (which is one line) that a pattern with one group picks.
pick() { sed -n "s/$1/\\1/p" "$bundle"; }
# A line of the block's text: its second word.
line() { sed -n "s/^$1 //p" "$work/block"; }
# verify PUBLIC-KEY-HEX SIGNATURE-HEX MESSAGE-FILE: the twelve bytes before the key say "Ed25519" in DER.
verify() {
    printf '302a300506032b6570032100%s' "$1" | unhex > "$work/key.der"
    printf '%s' "$2" | unhex > "$work/signature"
    openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "$work/key.der" -sigfile "$work/signature" -in "$3" > /dev/null
}
# climb LEAF-HASH INDEX SIZE SIBLING...: from a leaf to the root (RFC 9162 section 2.1.3.2).
climb() {
    node=$1 at=$2 last=$(($3 - 1))
    shift 3
    for sibling; do
        [ "$last" -gt 0 ] || fail "the path is too long"
        if [ $((at & 1)) -eq 1 ] || [ "$at" -eq "$last" ]; then
            node=$(printf '01%s%s' "$sibling" "$node" | unhex | hash)
            while [ $((at & 1)) -eq 0 ] && [ "$at" -gt 0 ]; do at=$((at >> 1)) last=$((last >> 1)); done
        else
            node=$(printf '01%s%s' "$node" "$sibling" | unhex | hash)
        fi
        at=$((at >> 1)) last=$((last >> 1))
    done
    [ "$last" -eq 0 ] || fail "the path is too short"
}

# What the bundle says.
printf '%s' "$(pick '.*"signed":\({"entry":.*}\)}],"format":.*')" > "$work/signed"
printf '%s' "$(sed 's/^{"entry":\(.*\),"signatures":.*/\1/' "$work/signed")" > "$work/entry"
key=$(sed 's/.*"signatures":\[{"alg":"Ed25519","key":"\([0-9a-f]*\)".*/\1/' "$work/signed")
sig=$(sed 's/.*"sig":"\([0-9a-f]*\)"}\]}$/\1/' "$work/signed")
salt=$(pick '.*"salt":"\([0-9a-f]*\)".*')
index=$(pick '.*"index":\([0-9]*\),.*')
printf '%b' "$(pick '^{"blocks":\[{"path":\[[^]]*\],"previous":"[^"]*","text":"\([^"]*\)".*')" > "$work/block"
printf '%b' "$(pick '.*"checkpoint":"\([^"]*\)","entries".*')" > "$work/note"
sed -n 1,3p "$work/note" > "$work/checkpoint"
origin=$(sed -n 1p "$work/checkpoint")
size=$(sed -n 2p "$work/checkpoint")

# 1. The entry's signature, by a key of the register whose id is the one named.
for candidate in $(grep -o '"public":"[0-9a-f]*"' "$bundle" | cut -d '"' -f 4); do
    [ "$({ printf 'Ed25519\n'; printf '%s' "$candidate" | unhex; } | hash)" != "$key" ] || public=$candidate
done
same 'key id          ' "$({ printf 'Ed25519\n'; printf '%s' "${public:-}" | unhex; } | hash)" "$key"
{ printf 'cqo-ledger/entry/v1\n%s\nEd25519\n%s\n' "$origin" "$key"; cat "$work/entry"; } > "$work/message"
verify "$public" "$sig" "$work/message" || fail "the entry's signature"
echo "ok  entry signature"

# 2. The commitment, the batch, and the root that the block names.
commitment=$({ printf 'cqo-ledger/commit/v1\n%s\n' "$origin"; printf '%s' "$salt" | unhex; cat "$work/signed"; } | hash)
leaf=$(printf '00%s' "$commitment" | unhex | hash)
echo "    commitment        $commitment"
echo "    leaf hash         $leaf"
# shellcheck disable=SC2046  # the hashes of the path are words
climb "$leaf" "$index" "$(line entries)" $(pick '.*"index":[0-9]*,"path":\[\([^]]*\)\].*' | tr ',"' '  ')
same 'batch root      ' "$node" "$(line root)"

# 3. The key register, whose digest the block names (here the register did not grow after it).
same 'key register    ' "$(printf '%s' "$(pick '.*"keys":\(\[.*\]\),"tip":.*')" | hash)" "$(line keys)"

# 4. The block, and the root that the checkpoint names.
echo "    block digest      $(hash < "$work/block")"
leaf=$({ printf '\000'; cat "$work/block"; } | hash)
echo "    leaf hash         $leaf"
# shellcheck disable=SC2046
climb "$leaf" "$(line height)" "$size" $(pick '^{"blocks":\[{"path":\[\([^]]*\)\].*' | tr ',"' '  ')
same 'checkpoint root ' "$node" "$(sed -n 3p "$work/checkpoint" | openssl base64 -d -A | xxd -p -c 32)"

# 5. The checkpoint's signature, by the log's key of the policy: 4 bytes of key id before it, 1 byte of type before the key.
log=$(sed -n 's/^log [^+]*+[0-9a-f]*+\([^ ]*\).*/\1/p' "$policy" | openssl base64 -d -A | xxd -p -c 33)
line=$(grep -a " $origin " "$work/note" | cut -d ' ' -f 3 | openssl base64 -d -A | xxd -p -c 68)
same 'log key id      ' "$(printf '%s' "$line" | cut -c 1-8)" \
    "$({ printf '%s\n' "$origin"; printf '%s' "$log" | unhex; } | hash | cut -c 1-8)"
verify "${log#01}" "$(printf '%s' "$line" | cut -c 9-)" "$work/checkpoint" || fail "the checkpoint's signature"
echo "ok  log signature"
echo "$(line height)-$index sealed at $(line time): unaltered since"
