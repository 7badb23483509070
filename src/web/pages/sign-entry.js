/* Signs a correction in the reader's browser. The key is read from a file into this page and sent nowhere: what goes to the
   site is the draft's form, as without this script, and the signed file. (proofs/FORMATS.md, sections 1 and 4) */

const $ = (id) => document.getElementById(id);
const bytesOf = (text) => new TextEncoder().encode(text);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const ALG = "Ed25519";
/** The parts of PKCS #8 around the 32 bytes of a private key (RFC 8410, section 7). */
const VERSION = [0x30, 0x2e, 0x02, 0x01, 0x00];
const KEY = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const KEY_BYTES = 32;

/** A file that is no private key of Ed25519. */
class NoKey extends Error {}

/** The private key of a PEM file: the 32 bytes, whether or not the public key follows them. */
function privateKeyOf(pem) {
  const [, body] = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem) ?? [];
  if (!body) throw new NoKey();
  const der = fromBase64(body.replaceAll(/\s/g, ""));
  const at = der.findIndex((_, from) => KEY.every((byte, i) => der[from + i] === byte)) + KEY.length;
  if (at < KEY.length || der.length < at + KEY_BYTES) throw new NoKey();
  const plain = Uint8Array.from([...VERSION, ...KEY, ...der.subarray(at, at + KEY_BYTES)]);
  der.fill(0);
  return plain;
}

/** The key ready to sign, and its id: the hash of algorithm, line feed and public key. */
async function readKey(file) {
  const der = privateKeyOf(await file.text());
  try {
    const readable = await crypto.subtle.importKey("pkcs8", der, ALG, true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", readable);
    const publicKey = fromBase64(x.replaceAll("-", "+").replaceAll("_", "/"));
    const named = Uint8Array.from([...bytesOf(`${ALG}\n`), ...publicKey]);
    const key = await crypto.subtle.importKey("pkcs8", der, ALG, false, ["sign"]);
    return { key, id: hex(await crypto.subtle.digest("SHA-256", named)) };
  } finally {
    der.fill(0);
  }
}

/** The signed entry, canonical as the draft is: its members come in this order. */
async function sign(draft, { key, id }) {
  const { ledger } = JSON.parse(draft);
  const message = bytesOf(`cqo-ledger/entry/v1\n${ledger}\n${ALG}\n${id}\n${draft}`);
  const signature = hex(await crypto.subtle.sign(ALG, key, message));
  return `{"entry":${draft},"signatures":[{"alg":"${ALG}","key":"${id}","sig":"${signature}"}]}`;
}

/** Puts the signed file where it would have been chosen by hand, and sends it. */
function send(signed) {
  const files = new DataTransfer();
  files.items.add(new File([signed], "correction.signed.json", { type: "application/json" }));
  $("file").files = files.files;
  $("file").form.requestSubmit();
}

const buttons = () => [...$("sign-here").querySelectorAll("button")];

function tell(key) {
  $("sign-trouble").textContent = key ? $("sign-here").dataset[key] : "";
  $("sign-trouble").hidden = !key;
}

/** The draft of the form as it stands; where there is none, the site says why on the page that it answers with. */
async function draftBy(button) {
  const form = button.form;
  const fields = new URLSearchParams([...new FormData(form), [button.name, button.value]]);
  // Not `form.action`: that is the buttons of this name.
  const answer = await fetch(form.getAttribute("action"), { method: "POST", body: fields });
  if (answer.ok && answer.headers.get("content-type") === "application/json") return answer.text();
  form.requestSubmit(button);
  return null;
}

async function signAndSend(action) {
  tell("");
  const [file] = $("sign-key").files;
  if (!file) return tell("missing");
  for (const button of buttons()) button.disabled = true;
  try {
    const key = await readKey(file);
    const draft = await draftBy($(`draft-${action}`));
    if (draft) send(await sign(draft, key));
  } catch (error) {
    tell(error instanceof NoKey ? "unfit" : "failed");
  } finally {
    for (const button of buttons()) button.disabled = false;
  }
}

/** Only where the browser has Ed25519: on an encrypted connection, and not in older ones. */
async function offer() {
  await crypto.subtle.generateKey(ALG, false, ["sign"]);
  for (const button of buttons()) button.addEventListener("click", () => signAndSend(button.dataset.action));
  $("sign-here").hidden = false;
}

if (globalThis.crypto?.subtle && $("sign-here")) offer().catch(() => {});
