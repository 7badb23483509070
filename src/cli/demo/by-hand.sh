#!/bin/sh
# 只用 openssl 手工核验检查点的签名 | Checks the checkpoint's signature by hand, with nothing but openssl and a shell.
#
# A checkpoint is a signed note (https://c2sp.org/signed-note): a text, an empty line, and a signature line, whose base64
# holds 4 bytes that name the key and the 64 bytes of an Ed25519 signature over the text.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# 1. The text: all before the empty line.
sed '/^$/,$d' checkpoint > "$work/text"
# 2. The signature: the last 64 bytes of the first signature line.
sed -n 's/^— [^ ]* //p' checkpoint | head -n 1 | base64 -d | tail -c 64 > "$work/signature"
# 3. The key: the trust policy names it as <origin>+<key hash>+<base64 of 0x01 and the 32 bytes of the key>. Before them
#    goes what X.509 puts before an Ed25519 key (RFC 8410).
printf '\060\052\060\005\006\003\053\145\160\003\041\000' > "$work/key.der"
sed -n 's/^log [^+]*+[^+]*+//p' policy.txt | base64 -d | tail -c 32 >> "$work/key.der"

cat "$work/text"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/text" -sigfile "$work/signature"
