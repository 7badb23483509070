/* The verification page. What is checked is checked by verify.mjs, in this browser; this file only asks, and has it
   shown. */

import { sha256Hex, supported, verifyFiles } from "/verify.mjs";
import { arrive, ask, editLookUp, expected, expectedByAddress, isOnline, lookUp, submitLookUp } from "./lookups.js";
import { claimsOf, claimsTable, fileReport, judge, showVerdict, totals } from "./report.js";
import { $, code, el, put, quoted, say, show } from "./view.js";

const MAX_FILE = 16 * 1024 * 1024; // proofs/FORMATS.md section 10
const MAX_FILES = 40;
const MAX_POLICY = 65536;
const TITLE = { "zh-CN": "核验学时证明", en: "Check an hour certificate" };

/** What is known at the moment. */
const now = {
  /** Chosen files: {name, bytes}. */
  files: [],
  /** Status lists and bundles fetched from this site, when the user asked for them. */
  fetched: [],
  /** {bytes, digest, source}: the trust policy. */
  policy: null,
  /** Counts checks, so that a late one does not overwrite a newer one. */
  run: 0,
};

// ---------------------------------------------------------------------------------------------------------------------
// The trust policy
// ---------------------------------------------------------------------------------------------------------------------

async function usePolicy(bytes, source) {
  now.policy = { bytes, digest: await sha256Hex(bytes), source };
  put("policy-digest", now.policy.digest);
  put("policy-text", new TextDecoder().decode(bytes));
  put("policy-source", ...source);
}

/** The policy that is there without anybody choosing one: pinned in the saved file, or the operator's suggestion. */
async function firstPolicy() {
  if (!isOnline) {
    const bytes = new TextEncoder().encode($("policy-text").textContent);
    if ((await sha256Hex(bytes)) !== $("policy-text").dataset.sha256) {
      put("policy-source", ...say(["本文件中的信任策略已损坏，未使用。请选择策略文件。", "The trust policy in this file is damaged and is not used. Choose a policy file."]));
      return;
    }
    const source = [
      "固定在本文件中：保存本页时，由提供本页的网站写入。请向您信任的一方核对下面的 SHA-256。",
      "Pinned in this file: it was put there by the site that this page was saved from. Compare its SHA-256 with somebody you trust.",
    ];
    await usePolicy(bytes, say(source));
    return;
  }
  try {
    const answer = await fetch("/policy", { credentials: "omit", referrerPolicy: "no-referrer" });
    if (!answer.ok) throw new Error();
    const source = [
      "来自本网站：这是运营方自己的建议。若您怀疑运营方，请改用从别处取得的策略。",
      "From this site: it is the operator's own suggestion. If it is the operator whom you doubt, use a policy from elsewhere.",
    ];
    await usePolicy(new Uint8Array(await answer.arrayBuffer()), say(source));
  } catch {
    put("policy-source", ...say(["没有取得信任策略：签名无从核对。请选择策略文件。", "There is no trust policy: nobody's signature can be judged. Choose a policy file."]));
  }
}

async function choosePolicy(file) {
  if (!file) return;
  if (file.size > MAX_POLICY) {
    put("policy-source", ...say(["所选文件过大，不是信任策略。", "The chosen file is too large for a trust policy."]));
    return;
  }
  const source = say(["您选择的文件：{0}", "A file that you chose: {0}"], quoted(file.name));
  await usePolicy(new Uint8Array(await file.arrayBuffer()), source);
  if (now.files.length > 0) await check();
}

// ---------------------------------------------------------------------------------------------------------------------
// Checking files
// ---------------------------------------------------------------------------------------------------------------------

/** Takes chosen or dropped files and checks them. */
async function take(list) {
  const chosen = [...list];
  if (chosen.length === 0) return;
  const large = chosen.find((file) => file.size > MAX_FILE);
  if (large || chosen.length > MAX_FILES) {
    showVerdict("open", ["无法核验", "Could not be checked"], [
      large ? say(["{0} 超过 16 MiB，不是本系统的证书或证明。", "{0} has more than 16 MiB: no certificate or proof of this system has."], quoted(large.name))
            : say([`一次最多 ${MAX_FILES} 个文件。`, `At most ${MAX_FILES} files at once.`]),
    ]);
    return;
  }
  now.files = await Promise.all(chosen.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })));
  now.fetched = [];
  await check();
}

async function check() {
  const run = ++now.run;
  await ready;
  put("progress", ...say(["正在核验……", "Checking…"]));
  if (!(await supported())) {
    put("progress");
    show("unsupported");
    show("server-check", isOnline);
    show("report", false);
    put("next");
    showVerdict("open", ["无法核验", "Could not be checked"], [
      say(["此浏览器不能验证签名，文件没有核验，也没有上传。", "This browser cannot verify signatures. The files were neither checked nor uploaded."]),
    ]);
    return;
  }
  performance.clearMeasures("verify");
  performance.mark("verify-start");
  const report = await verifyFiles([...now.files, ...now.fetched], {
    policy: now.policy?.bytes ?? null,
    now: new Date().toISOString(),
  });
  performance.measure("verify", "verify-start");
  if (run !== now.run) return;
  put("progress");
  await showReport(report, null);
}

/** The server's own check: files leave the browser, so only a button of that name comes here. */
async function askServer() {
  const run = ++now.run;
  put("progress", ...say(["正在上传，由服务器核验……", "Uploading; the server checks…"]));
  const form = new FormData();
  for (const { name, bytes } of now.files) form.append("file", new Blob([bytes]), name);
  const answer = await ask("/api/v1/verify", { method: "POST", body: form });
  if (run !== now.run) return;
  put("progress");
  if (answer.problem) {
    showVerdict("open", ["无法核验", "Could not be checked"], [answer.problem]);
    return;
  }
  await showReport(answer.json, "operator");
}

async function showReport(report, by) {
  const claims = report.files.map(claimsOf).find(Boolean) ?? null;
  let [state, headline, sentences, notes = []] = judge(report, claims, Boolean(now.policy));
  if (!by && claims && expected.digest && expected.digest !== claims.sha256) {
    state = "failed";
    headline = ["与二维码不符", "Not the certificate of the QR code"];
    sentences = [say(["所选文件不是二维码所指的那份证书，请勿采信。", "The chosen file is not the certificate that the QR code names: do not rely on it."])];
  } else if (!by && claims && expected.digest && state !== "failed") {
    notes = [say(["与二维码所指的是同一份证书。", "It is the certificate that the QR code names."]), ...notes];
  }
  if (by === "operator") {
    // The server's word is not a check of one's own: no tick for it.
    notes = [say(["以上是本网站服务器（运营方）的说法，不是您的浏览器核验的。", "This is what the operator's own server says; your browser did not check it."]), ...notes];
    headline = [`服务器答复：${headline[0]}`, `The server says: ${headline[1]}`];
    state = state === "passed" ? "open" : state;
  } else if (now.policy) {
    notes = [...notes, say(["所用信任策略的 SHA-256：{0}", "SHA-256 of the trust policy used: {0}"], code(now.policy.digest))];
  }
  put("fields", ...(claims ? [claimsTable(claims)] : []), ...totals(report.joint.learners));
  const order = ["credential", "pdf", "status", "proof", "tlog-proof", null];
  const files = [...report.files].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  put(
    "steps",
    ...files.map(fileReport),
    ...(report.joint.steps.length > 0 ? [fileReport({ ...report.joint, kind: "joint" })] : []),
  );
  show("report");
  offerMore(report, claims, by);
  showVerdict(state, headline, sentences, notes);
}

// ---------------------------------------------------------------------------------------------------------------------
// What this site can add, when it is asked to
// ---------------------------------------------------------------------------------------------------------------------

function offerMore(report, claims, by) {
  const offers = [];
  const isOpen = (kind, name) =>
    report.files.some((file) => file.kind === kind && file.steps.some(({ step, state }) => step === name && state === "open"));
  if (isOnline && !by && claims?.isIssued) {
    const list = sameOriginList(claims.status.list);
    if (isOpen("credential", "in_force") && !now.fetched.some(({ name }) => name.startsWith("status-"))) {
      offers.push(
        list
          ? offer("fetch-list", ["向本网站取得状态清单", "Fetch the status list from this site"], ["只发出清单编号 {0}，不发出证书的任何内容。清单由签发机构签名，取得后在浏览器里核验。", "Only the number of the list, {0}, is sent; nothing of the certificate. The list is signed by the issuer and is checked in your browser."], code(list), () => fetchList(list))
          : el("p", { class: "offer" }, say(["是否已被撤销，要看签发机构网站上的状态清单，请下载后一起选入：{0}", "Whether it was revoked is told by the status list at the issuer's site. Download it and choose it together with the certificate: {0}"], quoted(claims.status.list))),
      );
    }
    const pdf = report.files.find(({ kind, steps }) => kind === "pdf" && steps.some(({ step, state }) => step === "printed_page" && state === "open"));
    const file = pdf && now.files.find(({ name }) => name === pdf.file);
    if (file) {
      const meaning = ["只发出 PDF 的 SHA-256，不发出内容。取回的存证证明由链的签名担保，在浏览器里核验。", "Only the SHA-256 of the PDF is sent, nothing of its content. The proof that comes back is signed by the chain and is checked in your browser."];
      offers.push(offer("fetch-page", ["向本网站取得这份 PDF 的存证证明", "Fetch this PDF's own proof from this site"], meaning, null, () => fetchPage(file)));
    }
  }
  put("next", ...offers);
}

function offer(id, label, meaning, part, act) {
  const button = el("button", { type: "button", class: "button quiet", id }, say(label));
  button.addEventListener("click", () => {
    button.disabled = true;
    act().finally(() => (button.disabled = false));
  });
  return el("div", { class: "offer" }, el("p", {}, say(meaning, ...(part ? [part] : []))), el("p", { class: "actions" }, button));
}

/** The number of a status list that this very site keeps; null for a list elsewhere. */
function sameOriginList(address) {
  const [, number] = address.startsWith(`${location.origin}/status/`) ? /\/status\/([1-9]\d{0,6})$/.exec(address) ?? [] : [];
  return number ?? null;
}

/** A file of this site; none when there is no answer, or none that is good. */
async function fetchFile(path, name) {
  const answer = await fetch(path, { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" }).catch(() => null);
  return answer?.ok ? [{ name, bytes: new Uint8Array(await answer.arrayBuffer()) }] : [];
}

/** Takes the newest status list, and the bundle that proves it, and checks everything again. */
async function fetchList(number) {
  const list = await fetchFile(`/status/${number}`, `status-${number}.json`);
  if (list.length === 0) {
    put("progress", ...say(["没有取得状态清单，是否已被撤销仍未核验。", "The status list could not be fetched: whether it was revoked is still not checked."]));
    return;
  }
  now.fetched.push(...list, ...(await fetchFile(`/status/${number}/proof`, `status-${number}.proof.json`)));
  await check();
}

/** Takes the bundle that proves this very PDF issued, and checks everything again; without one, says what is on record. */
async function fetchPage({ name, bytes }) {
  const digest = await sha256Hex(bytes);
  const proof = await fetchFile(`/api/v1/attestations/${digest}/proof`, `${name}.proof.json`);
  if (proof.length === 0) return lookUp(digest);
  now.fetched.push(...proof);
  await check();
}

// ---------------------------------------------------------------------------------------------------------------------
// What is pressed
// ---------------------------------------------------------------------------------------------------------------------

function useLanguage(language) {
  document.documentElement.lang = language;
  document.title = `${TITLE[language]} · cqo-ledger`;
  for (const link of document.querySelectorAll("[data-to]")) {
    if (link.dataset.to === language) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function switchLanguage(event) {
  const language = event.target.closest("[data-to]")?.dataset.to;
  if (!language) return;
  event.preventDefault();
  useLanguage(language);
  try {
    history.replaceState(null, "", `?lang=${language.slice(0, 2)}${location.hash}`);
  } catch {
    // A page from disk may not change its address; its language changes all the same.
  }
}

function listen() {
  $("languages").addEventListener("click", switchLanguage);
  $("files").addEventListener("change", ({ target }) => take(target.files).finally(() => (target.value = "")));
  $("policy-file").addEventListener("change", ({ target }) => choosePolicy(target.files[0]).finally(() => (target.value = "")));
  $("ask-server").addEventListener("click", askServer);
  $("print").addEventListener("click", () => print());
  addEventListener("beforeprint", () => document.querySelectorAll("#steps details").forEach((details) => (details.open = true)));
  $("look-up").addEventListener("submit", submitLookUp);
  $("look-up").addEventListener("input", editLookUp);
  // A file that misses its place must not replace the page.
  for (const type of ["dragover", "drop"]) document.addEventListener(type, (event) => event.preventDefault());
  document.addEventListener("dragover", () => $("drop").classList.add("over"));
  document.addEventListener("dragleave", () => $("drop").classList.remove("over"));
  // A second QR code scanned into the same page.
  addEventListener("hashchange", () => {
    const { digest } = expectedByAddress();
    if (digest && digest !== expected.digest) location.reload();
  });
  document.addEventListener("drop", ({ dataTransfer }) => {
    $("drop").classList.remove("over");
    take(dataTransfer.files);
  });
}

const asked = new URLSearchParams(location.search).get("lang");
useLanguage(asked === "en" ? "en" : asked === "zh" ? "zh-CN" : document.documentElement.lang);
listen();
/** The policy is there before the first check. */
const ready = firstPolicy();
await ready;
if (!(await supported())) show("unsupported");
if (isOnline) await arrive();
document.documentElement.dataset.ready = "yes";
