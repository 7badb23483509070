//! A CQO from invitation to certificate, at a desk and on a telephone.

use cqo_ledger::merkle::Hash;

use super::guest::{DESK, Guest, PHONE};
use super::pdf;
use crate::portal::{account, invite, organisations, start};
use crate::server::{Ledger, credit_code, run, stdout, text};

const CQO: &str = "cqo01@example.org";
const CLERK: &str = "clerk@example.org";

/// Somebody of the staff, whose pages are looked at in the story at a desk.
async fn staff<'a>(ledger: &'a Ledger, role: &'static str, width: u32) -> Guest<'a> {
    if width == DESK { Guest::new(ledger, role).await } else { Guest::beside(ledger, role).await }
}

/// An administrator made on the command line invites a CQO on the site's pages; the one-time code is handed over on paper.
async fn invited(ledger: &Ledger, width: u32) -> String {
    let data = ledger.data();
    let owner = credit_code(1).to_string();
    let made = run(&[
        "account",
        "--data",
        text(&data),
        "administrator",
        "--login",
        "admin@example.org",
        "--name",
        "周敏",
        "--organisation",
        &owner,
    ]);
    let said = stdout(&made);
    let code = said.split_once("shown this once: ").unwrap().1.split_whitespace().next().unwrap();
    let admin = staff(ledger, "administrator", width).await;
    admin.join(code).await;
    admin.sign_in("admin@example.org").await;
    admin.sees(&["账号管理", "周敏"]).await;
    admin.look("home").await;
    admin.visit("/admin/accounts", "accounts").await;
    admin.press("新建账号").await;
    admin.look("invite").await;
    let employer = credit_code(4).to_string();
    admin
        .fill(&[
            ("name", "林晓燕"),
            ("login", CQO),
            ("role", "learner"),
            ("organisation", &owner),
            ("employers", "恒远精密机械有限公司"),
            ("employer_code", &employer),
        ])
        .await;
    admin.press("新建并发放代码").await;
    admin.sees(&["林晓燕", "代码只显示这一次"]).await;
    admin.look("invited").await;
    let code = admin.browser.text("code.big").await;
    admin.visit("/admin/accounts", "accounts").await;
    admin.press("林晓燕").await;
    admin.look("account").await;
    admin.visit("/admin/organisations", "organisations").await;
    admin.visit("/body/profile", "profile").await;
    admin.visit("/account", "own-account").await;
    admin.leave().await;
    code
}

/// Fills in a lecture of six hours.
async fn writes_a_lecture(cqo: &Guest<'_>, title: &str) {
    cqo.fill(&[
        ("title", title),
        ("organiser", "安徽省质量协会"),
        ("first_day", "2026-06-01"),
        ("last_day", "2026-06-02"),
        ("hours", "6"),
    ])
    .await;
}

async fn the_story_of_a_cqo(width: u32) {
    let ledger = start();
    organisations(&ledger);
    let code = invited(&ledger, width).await;
    let cqo = Guest::at(&ledger, "cqo", width).await;
    joins(&cqo, &code).await;
    claims(&ledger, &cqo).await;
    let clerk_code = invite(&ledger, CLERK, &account("clerk", "王芳芳"));
    let clerk = staff(&ledger, "clerk", width).await;
    clerk.join(&clerk_code).await;
    accepts(&clerk).await;
    certifies(&ledger, &cqo).await;
    corrects(&ledger, &cqo, &clerk).await;
    clerk.leave().await;
    cqo.leave().await;
}

/// From the code on the slip to the empty year.
async fn joins(cqo: &Guest<'_>, code: &str) {
    cqo.visit("/", "front").await;
    cqo.visit("/join", "join").await;
    cqo.fill(&[("code", "0000-0000-0000-0000")]).await;
    cqo.press("继续").await;
    cqo.look("join-wrong-code").await;
    cqo.fill(&[("code", code)]).await;
    cqo.press("继续").await;
    cqo.sees(&["林晓燕，您好"]).await;
    cqo.look("join-password").await;
    cqo.join(code).await;
    cqo.look("joined").await;
    cqo.visit("/forgot", "forgot").await;
    cqo.visit("/sign-in", "sign-in").await;
    cqo.fill(&[("login", CQO), ("password", "wrong")]).await;
    cqo.press("登录").await;
    cqo.look("sign-in-wrong").await;
    cqo.sign_in(CQO).await;
    assert_eq!(cqo.path().await, "/my");
    cqo.sees(&["林晓燕", "还差", "申报学时"]).await;
    cqo.look("home-empty").await;
    cqo.visit("/account", "account").await;
}

/// Coursework with evidence, what is worth a second look, and the submission.
async fn claims(ledger: &Ledger, cqo: &Guest<'_>) {
    cqo.visit("/my/claims", "claims-empty").await;
    cqo.visit("/my", "home").await;
    cqo.press("申报学时").await;
    cqo.look("claim-kinds").await;
    cqo.press("培训讲座").await;
    cqo.look("claim-form").await;
    writes_a_lecture(cqo, "卓越绩效准则与质量文化建设").await;
    cqo.fill(&[("hours", "很多")]).await;
    cqo.press("保存").await;
    cqo.sees(&["1 处需要修改"]).await;
    cqo.look("claim-form-wrong").await;
    cqo.fill(&[("hours", "6")]).await;
    cqo.press("保存").await;
    cqo.look("claim-draft").await;
    cqo.press("检查并提交").await;
    cqo.sees(&["还不能提交"]).await;
    cqo.look("claim-check-missing").await;
    cqo.press("返回").await;
    let evidence = pdf(ledger, "结业证书.pdf", "Certificate of attendance");
    cqo.fill(&[("file", text(&evidence))]).await;
    cqo.press("上传").await;
    cqo.sees(&["结业证书.pdf"]).await;
    cqo.look("claim-with-evidence").await;
    cqo.press("检查并提交").await;
    cqo.sees(&["没有发现需要留意的情况"]).await;
    cqo.look("claim-check").await;
    cqo.press("确认提交").await;
    cqo.sees(&["已提交，等待审核"]).await;
    cqo.look("claim-submitted").await;
    cqo.visit("/my/claims", "claims").await;
    for what in ["exchange", "publication", "other", "activity"] {
        cqo.visit(&format!("/my/claims/new?what={what}"), &format!("claim-form-{what}")).await;
    }
}

/// The clerk reviews with the evidence beside the claim.
async fn accepts(clerk: &Guest<'_>) {
    clerk.sign_in(CLERK).await;
    clerk.look("home").await;
    clerk.visit("/body/review", "review").await;
    clerk.press("林晓燕").await;
    clerk.sees(&["卓越绩效准则与质量文化建设", "恒远精密机械有限公司", "结业证书.pdf"]).await;
    let beside = clerk
        .browser
        .run(
            "const [frame, decision] = ['iframe', '#decision'].map(css => \
        document.querySelector(css).getBoundingClientRect()); return frame.left >= decision.right",
        )
        .await;
    assert_eq!(beside, true, "the evidence is beside the claim");
    clerk.look("review-claim").await;
    clerk.press("通过").await;
    clerk.sees(&["已通过，学时记录已提交上链"]).await;
    clerk.look("review-accepted").await;
}

/// Block and time, the year's certificate by one click, and the PDF that somebody else checks.
async fn certifies(ledger: &Ledger, cqo: &Guest<'_>) {
    cqo.open("/my/claims").await;
    cqo.press("卓越绩效准则与质量文化建设").await;
    cqo.until_it_reads("已记入区块").await;
    cqo.look("claim-on-chain").await;
    cqo.press("查看学时记录").await;
    cqo.sees(&["区块高度", "上链时间", "经认定主体经办人审核"]).await;
    cqo.look("entry").await;
    cqo.visit("/my", "home-with-entry").await;
    cqo.press("生成").await;
    cqo.sees(&["已生成学时证明"]).await;
    cqo.until_it_reads("PDF 中文").await;
    let started = std::time::Instant::now();
    while cqo.reads().await.contains("正在上链") {
        assert!(started.elapsed() < crate::chromium::PATIENCE, "{}", cqo.reads().await);
        cqo.open("/my").await;
    }
    cqo.look("home-with-certificates").await;
    cqo.press("PDF 中文").await;
    let paper = cqo.browser.downloaded(".pdf").await;
    // Whoever gets the paper asks for its proof and the status list by what the paper itself says.
    let digest = Hash::of(&[&std::fs::read(&paper).unwrap()]);
    let proof = eventually(ledger, &format!("/api/v1/attestations/{digest}/proof")).await;
    let proof = ledger.write("paper.proof.json", proof);
    let list = ledger.write("status.json", ledger.get("/status/1").body);
    let policy = ledger.policy();
    let files = [&paper, &proof].map(|file| text(file));
    let said = run(&["verify", "--policy", text(&policy), "--status", text(&list), files[0], files[1]]);
    assert!(said.status.success(), "{}", stdout(&said));
    assert!(stdout(&said).contains("林晓燕"), "{}", stdout(&said));
}

/// What is there once it is on the chain.
async fn eventually(ledger: &Ledger, path: &str) -> Vec<u8> {
    let started = std::time::Instant::now();
    loop {
        let answer = ledger.get(path);
        if answer.status == 200 {
            return answer.body;
        }
        assert!(started.elapsed() < crate::chromium::PATIENCE, "{path}: {}", answer.text());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// A second claim is returned with a reason, corrected and submitted again.
async fn corrects(ledger: &Ledger, cqo: &Guest<'_>, clerk: &Guest<'_>) {
    cqo.open("/my/claims/new?what=lecture").await;
    writes_a_lecture(cqo, "质量风险管理研修班").await;
    cqo.press("保存").await;
    let evidence = pdf(ledger, "签到表.pdf", "Attendance list");
    cqo.fill(&[("file", text(&evidence))]).await;
    cqo.press("上传").await;
    cqo.press("检查并提交").await;
    cqo.sees(&["时间重叠"]).await;
    cqo.look("claim-check-notices").await;
    cqo.press("确认提交").await;
    clerk.open("/body/review").await;
    clerk.press("林晓燕").await;
    clerk.sees(&["时间重叠"]).await;
    clerk.press("退回补充").await;
    clerk.look("review-return").await;
    clerk.fill(&[("reason", "签到表上的日期是六月三日，请核对。")]).await;
    clerk.press("退回").await;
    clerk.sees(&["已退回申报人"]).await;
    cqo.visit("/my", "home-returned").await;
    cqo.open("/my/claims").await;
    cqo.press("质量风险管理研修班").await;
    cqo.sees(&["已退回", "签到表上的日期是六月三日"]).await;
    cqo.look("claim-returned").await;
    cqo.press("修改申报内容").await;
    cqo.fill(&[("first_day", "2026-06-03"), ("last_day", "2026-06-03")]).await;
    cqo.press("保存").await;
    cqo.press("检查并提交").await;
    cqo.sees(&["没有发现需要留意的情况"]).await;
    cqo.press("确认提交").await;
    cqo.sees(&["已提交，等待审核"]).await;
    clerk.open("/body/review").await;
    clerk.press("林晓燕").await;
    clerk.sees(&["2026年6月3日", "提交的内容"]).await;
    clerk.look("review-again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cqo_comes_from_an_invitation_to_a_certificate() {
    the_story_of_a_cqo(DESK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cqo_does_all_of_it_on_a_telephone() {
    the_story_of_a_cqo(PHONE).await;
}
