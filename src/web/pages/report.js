/* What is shown of a report: the verdict in one sentence, the steps of every file, and what a certificate says. */

import { STEPS } from "/verify.mjs";
import { $, FORMS, KINDS, MEANINGS, STATES, code, el, facts, hours, inChina, put, quoted, say, show, table } from "./view.js";

export function showVerdict(state, headline, sentences, notes = []) {
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
export function judge(report, claims, hasPolicy) {
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
  if (!hasPolicy && !passed("checkpoint")) {
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
// The steps
// ---------------------------------------------------------------------------------------------------------------------

/** The steps of one file. What is no certificate and wholly passed is folded away: nobody needs to act on it. */
export function fileReport({ file, kind, steps, error, error_zh }) {
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

export function totals(learners) {
  if (learners.length === 0) return [];
  const head = [["姓名", "Name"], ["学时", "Credit hours"], ["学习记录", "Study entries"], ["组织活动", "Activities"]];
  const rows = learners.map(({ name, hours: sum, entries, activities }) => [
    [quoted(name, { class: "name" })], [hours(sum)], [String(entries)], [String(activities)],
  ]);
  return [table(["所出示记录的合计；没有出示的记录及其更正不在其内。", "Total of the entries shown; others, and their corrections, are not in it."], head, rows)];
}

// ---------------------------------------------------------------------------------------------------------------------
// What a certificate says
// ---------------------------------------------------------------------------------------------------------------------

/** The signed fields of a certificate whose signature is valid; null for everything else, so that a forgery is not shown
 *  in good clothes. */
export function claimsOf({ kind, steps, certificate }) {
  const has = (name) => steps.some(({ step, state }) => step === name && state === "passed");
  const isRefused = steps.some(({ state }) => state === "failed");
  return kind === "credential" && certificate && has("proof") ? { ...certificate, isIssued: has("issuer"), isRefused } : null;
}

export function claimsTable(claims) {
  const text = (value) => (value === null ? null : [quoted(value)]);
  const day = (text) => el("code", { class: "day" }, text);
  const span = (from, to) => (from === to ? [day(from)] : say(["{0} 至 {1}", "{0} to {1}"], day(from), day(to)));
  const rows = claims.rows.map((row) => [
    [quoted(row.title), el("span", { class: "under" }, row.course_code === null ? [] : [code(row.course_code), " · "], quoted(row.provider))],
    [...say(FORMS[row.form] ?? [row.form, row.form]), ...(row.form_reason === null ? [] : [" ", quoted(row.form_reason)])],
    span(row.first_day, row.last_day),
    row.hours === null ? say(["活动 1 次，{0} 人", "1 activity, {0} people"], code(row.attendees)) : [hours(row.hours)],
    [el("time", { datetime: row.sealed_at }, inChina(row.sealed_at)), el("span", { class: "under" }, code(row.attestation_number))],
  ]);
  const head = [["课程或活动", "Course or activity"], ["形式", "Form"], ["日期", "Dates"], ["学时", "Credit hours"], ["上链时间（北京时间），存证编号", "Time on chain (Beijing), attestation number"]];
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
