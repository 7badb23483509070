/* The verification page. What is checked is checked by verify.mjs, in this browser; this file only asks, and shows.

   Whatever comes out of a document is text: it enters the page by textContent, each piece in a <bdi> of its own, so that
   it can neither become markup nor turn the words around it. Every sentence of the page stands in both languages; the
   language of the page says which one is seen. */

import { STEPS, sha256Hex, supported, verifyFiles } from "/verify.mjs";

const MAX_FILE = 16 * 1024 * 1024; // proofs/FORMATS.md section 10
const MAX_FILES = 40;
const MAX_POLICY = 65536;
const isOnline = document.documentElement.dataset.mode === "online";

/** What is known at the moment. */
const now = {
  /** Chosen files: {name, bytes}. */
  files: [],
  /** Status lists and bundles fetched from this site, when the user asked for them. */
  fetched: [],
  /** {bytes, digest, source}: the trust policy. */
  policy: null,
  /** What the QR code named. */
  expected: expectedByAddress(),
  /** Counts checks, so that a late one does not overwrite a newer one. */
  run: 0,
};

const TITLE = { "zh-CN": "核验学时证明", en: "Check an hour certificate" };
const STATES = {
  passed: ["通过", "Passed"],
  failed: ["未通过", "Failed"],
  open: ["无法核验", "Could not be checked"],
  skipped: ["不适用", "Not needed here"],
};
const KINDS = {
  credential: ["证书数据", "certificate data"],
  pdf: ["PDF 证书", "PDF certificate"],
  proof: ["证明包", "proof bundle"],
  status: ["状态清单", "status list"],
  "tlog-proof": ["区块证明", "block proof"],
};
/** The steps in words for people who never heard of a chain. */
const MEANINGS = {
  form: ["文件的写法合乎规定，不多也不少。", "The file is written as the rules say, nothing missing and nothing added."],
  checkpoint: ["链的签名合乎上述信任策略。", "The chain is signed as the trust policy asks."],
  chain: ["所在区块在这条链上，前后相接。", "The blocks stand on this chain, each linked to the one before."],
  keys: ["各机构的密钥登记在链上，登记册完整。", "The keys of the organisations are registered on the chain."],
  batch: ["记录在区块之中，一字未改。", "The entries are in their blocks, not one character changed."],
  signatures: ["每条记录由当时有效的密钥签名。", "Each entry is signed by a key that was valid then."],
  one_chain: ["各文件出自同一条链。", "All files show the same chain."],
  corrections: ["其中的更正记录成立。", "The corrections among the entries hold."],
  in_force: ["没有被撤销，所列记录没有被更正。", "It was not revoked, and none of its entries was corrected."],
  proof: ["证书签名有效，签发后一字未改。", "The certificate's signature is valid: nothing changed since it was issued."],
  proof_rdfc: ["供其他系统使用的第二个签名。", "A second signature, for other systems."],
  issued: ["证书的签发记在链上。", "The chain records that this certificate was issued."],
  issuer: ["签名的机构是链上登记的签发机构。", "The signer is an issuer registered on the chain."],
  evidence: ["所列学时与链上记录逐条一致，合计无误。", "Each row agrees with the chain's entries, and the total adds up."],
  printed_page: ["PDF 的版面就是链上登记的那一份。", "The printed page is the one registered on the chain."],
};
const FORMS = {
  lecture: ["讲座", "lecture"],
  exchange: ["交流", "exchange"],
  publication: ["发表", "publication"],
  online: ["在线学习", "online"],
  other: ["其他", "other"],
  activity: ["组织培训活动", "activity organised"],
};
/** The words of the service's answers about what is on record. */
const ON_RECORD = {
  credential: ["学时证明（数据）", "hour certificate (data)"],
  pdf: ["学时证明（PDF）", "hour certificate (PDF)"],
  entry: ["学时记录", "hour entry"],
  key: ["密钥登记", "key registration"],
  status_list: ["状态清单", "status list"],
  revocation: ["撤销", "revocation"],
  in_force: ["有效", "in force"],
  corrected: ["已更正，不再有效", "corrected, no longer in force"],
  revoked: ["已撤销", "revoked"],
  error: ["签发有误", "issued in error"],
  fraud: ["弄虚作假", "fraud"],
  replaced: ["已换发", "replaced"],
  other: ["其他", "other"],
};

// ---------------------------------------------------------------------------------------------------------------------
// Writing into the page
// ---------------------------------------------------------------------------------------------------------------------

const $ = (id) => document.getElementById(id);

/** An element: attributes, then children, of which text is text. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat());
  return element;
}

/** A sentence in both languages; parts that are elements stand in both. */
function say([zh, en], ...parts) {
  const fill = (text) =>
    text.split(/(\{\d\})/).map((piece) => (/^\{\d\}$/.test(piece) ? parts[Number(piece[1])].cloneNode(true) : piece));
  return [el("span", { lang: "zh-CN" }, fill(zh)), el("span", { lang: "en" }, fill(en))];
}

/** Something that a document or a file name says: isolated text. */
const quoted = (text, attributes = {}) => el("bdi", { dir: "auto", ...attributes }, String(text));
const code = (text) => el("code", { dir: "ltr" }, String(text));
const put = (id, ...children) => $(id).replaceChildren(...children.flat());
const show = (id, isShown = true) => ($(id).hidden = !isShown);

/** A word of the service in plain words; one that is not known here as it is. */
const onRecord = (word) => (ON_RECORD[word] ? say(ON_RECORD[word]) : [quoted(word)]);

/** A list of facts: [label, value] each. */
function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined);
  return el("dl", { class: "facts" }, rows.flatMap(([label, value]) => [el("dt", {}, say(label)), el("dd", {}, value)]));
}

/** A moment as a clock in China shows it. */
const inChina = (moment) => new Date(Date.parse(moment) + 8 * 3600 * 1000).toISOString().slice(0, 19).replace("T", " ");
const beijing = (moment) => say(["{0}（北京时间）", "{0} (Beijing time)"], el("time", { datetime: moment }, inChina(moment)));

const hours = (hundredths) => `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;

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

/** Asks this site, and nobody else. */
async function ask(path, options = {}) {
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

// ---------------------------------------------------------------------------------------------------------------------
// The verdict
// ---------------------------------------------------------------------------------------------------------------------

function showVerdict(state, headline, sentences, notes = []) {
  $("verdict").dataset.state = state;
  put("verdict-title", el("span", {}, say(headline)));
  put("verdict-text", ...sentences.flatMap((sentence, i) => (i === 0 ? sentence : [" ", ...sentence])));
  put("verdict-notes", ...notes.map((note) => el("li", {}, note)));
  show("verdict");
  $("verdict-title").focus();
  $("verdict").scrollIntoView({ block: "start" });
}

const nameOf = (step) => {
  const known = STEPS.find(({ name }) => name === step);
  return known ? [known.zh, known.en[0].toUpperCase() + known.en.slice(1)] : [step, step];
};

/** One sentence about a report. Nothing is said to have passed while the policy or the issuer has not. */
function judge(report, claims) {
  if (report.error) {
    return ["open", ["无法核验", "Could not be checked"], [[...say(["{0}", "{1}"], quoted(report.error_zh), quoted(report.error))]]];
  }
  const steps = [...report.files, { ...report.joint, file: null }].flatMap(({ file, kind, steps }) =>
    steps.map((step) => ({ ...step, file, kind })),
  );
  const failed = steps.filter(({ state }) => state === "failed");
  const passed = (name) => {
    const all = steps.filter(({ step }) => step === name);
    return all.length > 0 && all.every(({ state }) => state === "passed");
  };
  const isOpen = (name) => steps.some(({ step, state, kind }) => step === name && state === "open" && (name !== "in_force" || kind === "credential"));
  const unreadable = report.files.filter(({ kind }) => kind === null);
  const credential = steps.some(({ kind }) => kind === "credential");

  if (failed.length > 0) {
    const onlyInForce = failed.every(({ step }) => step === "in_force");
    if (onlyInForce && passed("issuer")) {
      return ["failed", ["已失效", "No longer in force"], [say(["这份证书曾经签发，但已被撤销，或其中的记录已被更正：请勿采信。", "This certificate was issued, but it was revoked or one of its entries was corrected: do not rely on it."])]];
    }
    const [first] = failed;
    const [zh, en] = nameOf(first.step);
    return ["failed", ["未通过", "Failed"], [
      say([`文件与签名或链上记录不符（${zh}），请勿采信。`, `It does not agree with its signatures or with the chain (${en}): do not rely on it.`]),
      say(["{0}", "{1}"], quoted(first.detail_zh), quoted(first.detail)),
    ]];
  }
  if (unreadable.length > 0) {
    return ["open", ["无法核验", "Could not be checked"], [
      say(["{0} 不是本系统的证书或证明文件。", "{0} is no certificate or proof of this system."], quoted(unreadable[0].file)),
    ]];
  }
  if (!now.policy && !passed("checkpoint")) {
    return ["open", ["无法核验", "Could not be checked"], [say(["没有信任策略，无从判断签名是谁的。", "Without a trust policy nobody can say whose signatures these are."])]];
  }
  const byIssuer = claims ? quoted(claims.issuer.name) : null;
  if (report.exit === 0 && (passed("issuer") || !credential) && passed("checkpoint")) {
    const sentence = claims
      ? say(["这份证书由 {0} 签发，自上链时间起未被篡改，现行有效。", "This certificate was issued by {0}, is unaltered since its time on chain, and is in force."], byIssuer)
      : say(["文件与链上记录一致，自上链时间起未被篡改。", "The file agrees with the chain and is unaltered since its time on chain."]);
    return ["passed", ["通过", "Passed"], [sentence]];
  }
  if (credential && passed("issuer") && passed("evidence") && claims) {
    const notes = [];
    if (isOpen("in_force")) notes.push(say(["是否已被撤销或更正：尚未核验。", "Whether it was revoked or corrected since: not checked yet."]));
    if (isOpen("printed_page")) notes.push(say(["PDF 的版面：尚未核验。请把下面列出的内容与纸面逐项对照，一致方可采信。", "The printed page: not checked. Compare the fields below with the paper, one by one, before you rely on it."]));
    return ["open", ["数据属实，尚未核完", "The data holds, the check is not complete"], [
      say(["证书数据由 {0} 签发，自上链时间起未被篡改；还有下列各项没有核验。", "The certificate's data was issued by {0} and is unaltered since its time on chain. What follows was not checked."], byIssuer),
    ], notes];
  }
  if (credential && steps.some(({ step, state }) => step === "issued" && state === "open")) {
    return ["open", ["无法核验", "Could not be checked"], [
      say(["缺少这份证书的证明包：请把证书的 .proof.json 一起选入，或者直接使用 PDF 证书。", "The certificate's proof bundle is missing: choose its .proof.json together with it, or use the PDF certificate."]),
    ]];
  }
  const onlyInForce = steps.filter(({ state }) => state === "open").every(({ step }) => step === "in_force");
  if (!credential && onlyInForce && passed("checkpoint")) {
    return ["open", ["记录在链上，未被篡改", "On the chain, unaltered"], [
      say(["这些记录由当时登记的机构签名，自上链时间起未被篡改；此后是否另有更正，这份文件不能说明。", "The entries are signed by organisations registered then, and unaltered since their time on chain. Whether one was corrected later, this file cannot tell."]),
    ]];
  }
  return ["open", ["无法核验", "Could not be checked"], [say(["没有不符之处，但有步骤缺少材料，见下。", "Nothing disagrees, but something is missing for a step: see below."])]];
}

// ---------------------------------------------------------------------------------------------------------------------
// The report
// ---------------------------------------------------------------------------------------------------------------------

async function showReport(report, by) {
  const claims = report.files.map(claimsOf).find(Boolean) ?? null;
  let [state, headline, sentences, notes = []] = judge(report, claims);
  if (!by && claims && now.expected.digest && now.expected.digest !== claims.sha256) {
    state = "failed";
    headline = ["与二维码不符", "Not the certificate of the QR code"];
    sentences = [say(["所选文件不是二维码所指的那份证书，请勿采信。", "The chosen file is not the certificate that the QR code names: do not rely on it."])];
  } else if (!by && claims && now.expected.digest && state !== "failed") {
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

/** The steps of one file. What is no certificate and wholly passed is folded away: nobody needs to act on it. */
function fileReport({ file, kind, steps, error, error_zh }) {
  const what = say(KINDS[kind] ?? ["不认识的文件", "unknown file"]);
  const isJoint = kind === "joint";
  const isQuiet = !["credential", "pdf"].includes(kind) && !error && steps.every(({ state }) => ["passed", "skipped"].includes(state));
  const note = [...(isJoint ? [] : what), ...(isQuiet ? say([`${isJoint ? "" : "："}${steps.length} 步，没有未通过的`, `${isJoint ? "" : ": "}${steps.length} steps, none failed`]) : [])];
  const title = el("h3", {}, isJoint ? say(["合并核验", "All files together"]) : quoted(file), el("span", { class: "kind" }, note));
  const items = steps.map(({ step, state, detail, detail_zh }) =>
    el(
      "li",
      { "data-step": step, "data-state": state },
      el("span", { class: "state", "data-state": state }, say(STATES[state])),
      el("span", { class: "step-name" }, say(nameOf(step))),
      el("p", { class: "step-means" }, say(MEANINGS[step] ?? ["", ""])),
      ...(detail ? [el("p", { class: "step-detail" }, say(["{0}", "{1}"], quoted(detail_zh), quoted(detail)))] : []),
    ),
  );
  const body = error ? el("p", { class: "error" }, say(["{0}", "{1}"], quoted(error_zh), quoted(error))) : el("ol", { class: "steps" }, items);
  return el("div", { class: "file-report" }, isQuiet ? el("details", {}, el("summary", {}, title), body) : [title, body]);
}

function totals(learners) {
  if (learners.length === 0) return [];
  const head = [["姓名", "Name"], ["学时", "Credit hours"], ["学习记录", "Study entries"], ["组织活动", "Activities"]];
  const rows = learners.map(({ name, hours: sum, entries, activities }) => [
    [quoted(name, { class: "name" })], [hours(sum)], [String(entries)], [String(activities)],
  ]);
  return [table(["所出示记录的合计；没有出示的记录及其更正不在其内。", "Total of the entries shown; others, and their corrections, are not in it."], head, rows)];
}

/** A table that becomes a list of cards on a phone; its roles are said, since the cards would lose them. */
function table(caption, head, rows) {
  const cell = (tag, role, label, value, isNumber) =>
    el(tag, { role, ...(isNumber ? { class: "number" } : {}) }, el("span", { class: "label", "aria-hidden": "true" }, say(label)), el("span", {}, value));
  return el(
    "table",
    { class: "rows", role: "table" },
    el("caption", {}, say(caption)),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head.map((label) => el("th", { scope: "col", role: "columnheader" }, say(label))))),
    el("tbody", { role: "rowgroup" }, rows.map((row) => el("tr", { role: "row" }, row.map((value, i) =>
      i === 0 ? el("th", { scope: "row", role: "rowheader" }, value) : cell("td", "cell", head[i], value, typeof value[0] === "string" && /^[\d.]+$/.test(value[0])))))),
  );
}

// ---------------------------------------------------------------------------------------------------------------------
// What a certificate says
// ---------------------------------------------------------------------------------------------------------------------

/** The signed fields of a certificate whose signature is valid; null for everything else, so that a forgery is not shown
 *  in good clothes. */
function claimsOf({ kind, steps, certificate }) {
  const has = (name) => steps.some(({ step, state }) => step === name && state === "passed");
  const isRefused = steps.some(({ state }) => state === "failed");
  return kind === "credential" && certificate && has("proof") ? { ...certificate, isIssued: has("issuer"), isRefused } : null;
}

function claimsTable(claims) {
  const text = (value) => (value === null ? null : [quoted(value)]);
  const span = (from, to) => (from === to ? [code(from)] : say(["{0} 至 {1}", "{0} to {1}"], code(from), code(to)));
  const rows = claims.rows.map((row) => [
    [quoted(row.title), el("span", { class: "under" }, row.course_code === null ? [] : [code(row.course_code), " · "], quoted(row.provider))],
    [...say(FORMS[row.form] ?? [row.form, row.form]), ...(row.form_reason === null ? [] : [" ", quoted(row.form_reason)])],
    span(row.first_day, row.last_day),
    row.hours === null ? say(["活动 1 次，{0} 人", "1 activity, {0} people"], code(row.attendees)) : [hours(row.hours)],
    [...beijing(row.sealed_at), el("span", { class: "under" }, code(row.attestation_number))],
  ]);
  const head = [["课程或活动", "Course or activity"], ["形式", "Form"], ["日期", "Dates"], ["学时", "Credit hours"], ["上链时间，存证编号", "Time on chain, attestation number"]];
  return el(
    "div",
    { class: "claims" },
    el("h3", {}, say(["首席质量官培训学时证明", "Certificate of Chief Quality Officer Training Hours"])),
    claims.isRefused ? el("p", { class: "caveat" }, say(["这份证书没有通过核验，以下内容不可采信。", "This certificate did not pass the check: do not rely on what follows."])) : "",
    claims.isIssued || claims.isRefused ? "" : el("p", { class: "caveat" }, say(["签发机构尚未证实，以下内容不可采信。", "The issuer is not confirmed: do not rely on what follows."])),
    el("p", { class: "small" }, say(["以下是签名数据的内容，请与纸面逐项对照。", "This is what was signed. Compare it with the paper, field by field."])),
    facts([
      [["证书编号", "Certificate No."], [code(claims.number)]],
      [["姓名", "Name"], [quoted(claims.name, { class: "name" })]],
      [["所在组织", "Employer"], text(claims.employer)],
      [["证件号码", "ID number"], text(claims.id_number)],
      [["起止日期", "Period"], span(claims.first_day, claims.last_day)],
      [["合计学时", "Total credit hours"], [el("strong", {}, quoted(hours(claims.total)))]],
      [["组织培训活动", "Activities organised"], text(claims.activities)],
      [["学时折算", "Length of a credit hour"], say(["1 学时 = {0} 分钟（规则 {1}）", "1 credit hour = {0} minutes (rulebook {1})"], code(claims.minutes), code(claims.rulebook))],
      [["签发机构", "Issued by"], [quoted(claims.issuer.name), " ", code(claims.issuer.code)]],
      [["签发日期", "Date of issue"], [code(inChina(claims.issued).slice(0, 10))]],
      [["核验网址", "Verify at"], [code(claims.address)]],
    ]),
    table(["所列课程与活动", "Courses and activities"], head, rows),
  );
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
    if (isOpen("credential", "in_force") && now.fetched.length === 0) {
      offers.push(
        list
          ? offer("fetch-list", ["向本网站取得状态清单", "Fetch the status list from this site"], ["只发出清单编号 {0}，不发出证书的任何内容。清单由签发机构签名，取得后在浏览器里核验。", "Only the number of the list, {0}, is sent; nothing of the certificate. The list is signed by the issuer and is checked in your browser."], code(list), () => fetchList(list))
          : el("p", { class: "offer" }, say(["是否已被撤销，要看签发机构网站上的状态清单，请下载后一起选入：{0}", "Whether it was revoked is told by the status list at the issuer's site. Download it and choose it together with the certificate: {0}"], quoted(claims.status.list))),
      );
    }
    const pdf = report.files.find(({ kind, steps }) => kind === "pdf" && steps.some(({ step, state }) => step === "printed_page" && state === "open"));
    const file = pdf && now.files.find(({ name }) => name === pdf.file);
    if (file) {
      offers.push(offer("ask-page", ["向本网站查询这份 PDF 的存证", "Ask this site about this very PDF"], ["只发出 PDF 的 SHA-256，不发出内容。回答是本网站的说法，不能代替与纸面对照。", "Only the SHA-256 of the PDF is sent, nothing of its content. The answer is this site's word; it does not replace the comparison with the paper."], null, async () => lookUp(await sha256Hex(file.bytes))));
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

/** Takes the newest status list, and the bundle that proves it, and checks everything again. */
async function fetchList(number) {
  const get = async (path, name) => {
    const answer = await fetch(path, { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" }).catch(() => null);
    return answer?.ok ? [{ name, bytes: new Uint8Array(await answer.arrayBuffer()) }] : [];
  };
  const list = await get(`/status/${number}`, `status-${number}.json`);
  if (list.length === 0) {
    put("progress", ...say(["没有取得状态清单，是否已被撤销仍未核验。", "The status list could not be fetched: whether it was revoked is still not checked."]));
    return;
  }
  now.fetched = [...list, ...(await get(`/status/${number}/proof`, `status-${number}.proof.json`))];
  await check();
}

/** What this site has on record for a digest or an attestation number: its word, no proof. */
async function lookUp(asked, path = `/api/v1/attestations/${asked}`, request = {}) {
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
  const { number, digest } = now.expected;
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
// Where somebody came from, and what is pressed
// ---------------------------------------------------------------------------------------------------------------------

/** A QR code leads to /v/<number>#<SHA-256 of the credential>; what is after the # stays in the browser. */
function expectedByAddress() {
  const [, number] = /^\/v\/([^/]+)$/.exec(location.pathname) ?? [];
  const [, digest] = /^#([0-9a-f]{64})$/.exec(location.hash) ?? [];
  return { number: isOnline && number ? decodeURIComponent(number) : null, digest: digest ?? null };
}

const isNumber = (text) => /^XS-\d{4}-\d{6}-[0-9A-HJKMNP-TV-Z]{10}-[0-9A-Z]$/.test(text) && checkCharacterHolds(text.replaceAll("-", ""));

/** ISO/IEC 7064 MOD 37,36: a typing error is found before anybody is asked. */
function checkCharacterHolds(text) {
  const values = [...text].map((character) => parseInt(character, 36));
  const last = values.pop();
  const product = values.reduce((p, value) => (((p + value) % 36 || 36) * 2) % 37, 36);
  return (product + last) % 36 === 1;
}

function submitLookUp(event) {
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
function editLookUp() {
  for (const id of ["asked", "holding"]) $(id).removeAttribute("aria-invalid");
  show("holding-field", $("asked").value.trim().toUpperCase().startsWith("XS-"));
}

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
    const expected = expectedByAddress();
    if (expected.digest && expected.digest !== now.expected.digest) location.reload();
  });
  document.addEventListener("drop", ({ dataTransfer }) => {
    $("drop").classList.remove("over");
    take(dataTransfer.files);
  });
}

/** What somebody finds who came by a QR code. */
async function arrive() {
  const { number, digest } = now.expected;
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

const asked = new URLSearchParams(location.search).get("lang");
useLanguage(asked === "en" ? "en" : asked === "zh" ? "zh-CN" : document.documentElement.lang);
listen();
/** The policy is there before the first check. */
const ready = firstPolicy();
await ready;
if (!(await supported())) show("unsupported");
if (isOnline) await arrive();
document.documentElement.dataset.ready = "yes";
