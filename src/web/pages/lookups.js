/* What this site has on record, when it is asked: its word, no proof. A name never stands in an address. */

import { $, beijing, code, el, facts, onRecord, put, quoted, say, show } from "./view.js";

export const isOnline = document.documentElement.dataset.mode === "online";

/** A QR code leads to /v/<number>#<SHA-256 of the credential>; what is after the # stays in the browser. */
export function expectedByAddress() {
  const [, number] = /^\/v\/([^/]+)$/.exec(location.pathname) ?? [];
  const [, digest] = /^#([0-9a-f]{64})$/.exec(location.hash) ?? [];
  return { number: isOnline && number ? number : null, digest: digest ?? null };
}

/** What the QR code named that led here. */
export const expected = expectedByAddress();

const isNumber = (text) => /^XS-\d{4}-\d{6}-[0-9A-HJKMNP-TV-Z]{10}-[0-9A-Z]$/.test(text) && checkCharacterHolds(text.replaceAll("-", ""));

/** ISO/IEC 7064 MOD 37,36: a typing error is found before anybody is asked. */
function checkCharacterHolds(text) {
  const values = [...text].map((character) => parseInt(character, 36));
  const last = values.pop();
  const product = values.reduce((p, value) => (((p + value) % 36 || 36) * 2) % 37, 36);
  return (product + last) % 36 === 1;
}

/** Asks this site, and nobody else. */
export async function ask(path, options = {}) {
  try {
    const answer = await fetch(path, { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store", ...options });
    if (answer.ok) return { json: await answer.json() };
    const problem = await answer.json().catch(() => ({}));
    const title = [problem.title ?? `HTTP ${answer.status}`, problem.title_en ?? `HTTP ${answer.status}`];
    const why = (problem.errors ?? []).map((error) => [`：${error.message}`, `: ${error.message_en}`])[0] ?? ["", ""];
    return { status: answer.status, problem: say(["网站答复：{0}", "The site says: {1}"], quoted(title[0] + why[0]), quoted(title[1] + why[1])) };
  } catch {
    return { problem: say(["连接不上本网站。", "This site cannot be reached."]) };
  }
}

/** What this site has on record for a digest or an attestation number: its word, no proof. */
export async function lookUp(asked, path = `/api/v1/attestations/${asked}`, request = {}) {
  put("asked-error");
  put("looked-up-result", el("p", { role: "status" }, say(["正在查询……", "Asking…"])));
  show("looked-up");
  const answer = await ask(path, request);
  put("looked-up-result", ...answerOnRecord(asked, answer));
  $("looked-up-title").focus();
  $("looked-up").scrollIntoView({ block: "start" });
}

function answerOnRecord(asked, { json, problem, status }) {
  if (problem && status !== 404) return [el("p", { class: "error" }, problem)];
  const wordOnly = el("p", { class: "small" }, say(["这是本网站的说法。要自己核验，请在下面选入证书文件。", "This is the site's word. To check for yourself, choose the certificate's file below."]));
  if (!json) {
    return [
      el("p", { class: "state", "data-state": "failed" }, say(["没有这项存证", "Not on record"])),
      el("p", {}, say(["本网站没有 {0} 的记录。请核对是否输入有误；若是扫码得来，请谨慎对待这份证书。", "This site has nothing on record for {0}. Check what was entered; if it came from a QR code, be wary of the certificate."], code(asked))),
      wordOnly,
    ];
  }
  const { number, digest } = expected;
  const isOther = asked === digest && json.number !== undefined && json.number !== number;
  const isGood = json.state === "in_force";
  const headline = isOther
    ? say(["编号不符：校验码属于另一份证书 {0}", "The numbers differ: the digest is that of another certificate, {0}"], code(json.number))
    : isGood
      ? say(["有这项存证", "On record"])
      : say(["有这项存证，但{0}", "On record, but {0}"], el("strong", {}, onRecord(json.state)));
  return [
    el("p", { class: "state", "data-state": isGood && !isOther ? "open" : "failed" }, headline),
    facts([
      [["种类", "Kind"], onRecord(json.kind)],
      [["证书编号", "Certificate No."], json.number === undefined ? null : [code(json.number)]],
      [["区块", "Block"], [code(json.height)]],
      [["存证编号", "Attestation number"], [code(json.attestation)]],
      [["上链时间", "Time on chain"], beijing(json.sealed_at)],
      [["现在的状态", "State now"], onRecord(json.state)],
      [["原因", "Reason"], json.reason === undefined ? null : onRecord(json.reason)],
      [["起于", "Since"], json.since === undefined ? null : beijing(json.since)],
      [["证书数据的 SHA-256", "SHA-256 of the certificate's data"], json.sha256 === undefined ? null : [code(json.sha256)]],
    ]),
    wordOnly,
  ];
}

// ---------------------------------------------------------------------------------------------------------------------
// Where somebody came from, and what is entered
// ---------------------------------------------------------------------------------------------------------------------

/** What somebody finds who came by a QR code. */
export async function arrive() {
  const { number, digest } = expected;
  if (number === null) return;
  if (!isNumber(number)) {
    put("looked-up-result", el("p", { class: "state", "data-state": "failed" }, say(["{0} 不是证书编号", "{0} is no certificate number"], quoted(number))), el("p", {}, say(["请核对网址，或在下面选入证书文件。", "Check the address, or choose the certificate's file below."])));
    show("looked-up");
  } else if (digest === null) {
    put("looked-up-result", el("p", {}, say(["证书编号 {0}。网址里没有校验码：请重新扫描二维码，或在下面选入证书文件，或凭姓名查询。", "Certificate {0}. The address has no digest: scan the QR code again, choose the certificate's file below, or look it up with the name."], code(number))));
    show("looked-up");
    $("asked").value = number;
    editLookUp();
  } else {
    await lookUp(digest);
  }
}

export function submitLookUp(event) {
  event.preventDefault();
  const asked = $("asked").value.trim();
  const holding = $("holding").value.trim();
  if (/^[0-9a-fA-F]{64}$/.test(asked)) return void lookUp(asked.toLowerCase());
  if (/^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,4})$/.test(asked)) return void lookUp(asked);
  const number = asked.toUpperCase();
  if (isNumber(number) && holding !== "") return void lookUpNumber(number, holding);
  if (isNumber(number)) {
    complain("holding", ["请再填写姓名或校验码的前 16 位。", "Enter the name or the first 16 digits, too."]);
  } else if (number.startsWith("XS-")) {
    complain("asked", ["证书编号有误，请逐位核对。", "There is a mistake in the certificate number: compare it digit by digit."]);
  } else {
    complain("asked", ["这不是 SHA-256、存证编号或证书编号，请核对。", "This is no SHA-256, attestation number or certificate number: check what you entered."]);
  }
}

/** A certificate number alone tells nothing: it goes with something that only a holder of the certificate has. A name
 *  never stands in an address. */
function lookUpNumber(number, holding) {
  if (/^[0-9a-fA-F]{16}$/.test(holding)) {
    return lookUp(number, `/api/v1/attestations/certificates/${number}?digest=${holding.toLowerCase()}`);
  }
  const body = JSON.stringify({ number, name: holding });
  return lookUp(number, "/api/v1/attestations/search", { method: "POST", headers: { "content-type": "application/json" }, body });
}

function complain(id, why) {
  put("asked-error", ...say(why));
  $(id).setAttribute("aria-invalid", "true");
  $(id).focus();
}

/** A certificate number needs a second answer; nothing else does. */
export function editLookUp() {
  for (const id of ["asked", "holding"]) $(id).removeAttribute("aria-invalid");
  show("holding-field", $("asked").value.trim().toUpperCase().startsWith("XS-"));
}
