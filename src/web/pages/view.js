/* What the page's scripts write with: words, elements, and nothing that a document could turn into markup.

   Whatever comes out of a document is text: it enters the page by textContent, each piece in a <bdi> of its own, so that
   it can neither become markup nor turn the words around it. Every sentence of the page stands in both languages; the
   language of the page says which one is seen. */

export const STATES = {
  passed: ["通过", "Passed"],
  failed: ["未通过", "Failed"],
  open: ["无法核验", "Could not be checked"],
  skipped: ["不适用", "Not needed here"],
};
export const KINDS = {
  credential: ["证书数据", "certificate data"],
  pdf: ["PDF 证书", "PDF certificate"],
  proof: ["证明包", "proof bundle"],
  status: ["状态清单", "status list"],
  "tlog-proof": ["区块证明", "block proof"],
};
/** The steps in words for people who never heard of a chain. */
export const MEANINGS = {
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
export const FORMS = {
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

export const $ = (id) => document.getElementById(id);

/** An element: attributes, then children, of which text is text. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat());
  return element;
}

/** A sentence in both languages; parts that are elements stand in both. */
export function say([zh, en], ...parts) {
  const fill = (text) =>
    text.split(/(\{\d\})/).map((piece) => (/^\{\d\}$/.test(piece) ? parts[Number(piece[1])].cloneNode(true) : piece));
  return [el("span", { lang: "zh-CN" }, fill(zh)), el("span", { lang: "en" }, fill(en))];
}

/** Something that a document or a file name says: isolated text. */
export const quoted = (text, attributes = {}) => el("bdi", { dir: "auto", ...attributes }, String(text));
export const code = (text) => el("code", { dir: "ltr" }, String(text));
export const put = (id, ...children) => $(id).replaceChildren(...children.flat());
export const show = (id, isShown = true) => ($(id).hidden = !isShown);

/** A word of the service in plain words; one that is not known here as it is. */
export const onRecord = (word) => (ON_RECORD[word] ? say(ON_RECORD[word]) : [quoted(word)]);

/** A list of facts: [label, value] each. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined);
  return el("dl", { class: "facts" }, rows.flatMap(([label, value]) => [el("dt", {}, say(label)), el("dd", {}, value)]));
}

/** A moment as a clock in China shows it. */
export const inChina = (moment) => new Date(Date.parse(moment) + 8 * 3600 * 1000).toISOString().slice(0, 19).replace("T", " ");
export const beijing = (moment) => say(["{0}（北京时间）", "{0} (Beijing time)"], el("time", { datetime: moment }, inChina(moment)));

export const hours = (hundredths) => `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;

/** A table that becomes a list of cards on a phone; its roles are said, since the cards would lose them. */
export function table(caption, head, rows) {
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
