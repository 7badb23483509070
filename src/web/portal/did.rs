//! What the record of events names, in words.

use super::words::Words;

/// What a use case calls what it does, and the words for it.
const DONE: [(&str, &str); 56] = [
    ("found", "account-did-found"),
    ("seal", "account-did-seal"),
    ("freeze", "account-did-freeze"),
    ("consider", "account-did-consider"),
    ("sent", "account-did-sent"),
    ("submit_entries", "account-did-submit-entries"),
    ("issue", "account-did-issue"),
    ("print", "account-did-print"),
    ("sign_again", "account-did-sign-again"),
    ("revoke", "account-did-revoke"),
    ("status_list", "account-did-status-list"),
    ("put_organisation", "account-did-put-organisation"),
    ("register_learners", "account-did-register-learners"),
    ("change_learner", "account-did-change-learner"),
    ("put_courses", "account-did-put-courses"),
    ("create_token", "account-did-create-token"),
    ("end_token", "account-did-end-token"),
    ("invite", "account-did-invite"),
    ("new_code", "account-did-new-code"),
    ("join", "account-did-join"),
    ("sign_in", "account-did-sign-in"),
    ("sign_out", "account-did-sign-out"),
    ("lock_account", "account-did-lock-account"),
    ("change_password", "account-did-change-password"),
    ("set_second_factor", "account-did-set-second-factor"),
    ("drop_second_factor", "account-did-drop-second-factor"),
    ("end_session", "account-did-end-session"),
    ("change_account", "account-did-change-account"),
    ("unlink_learner", "account-did-unlink-learner"),
    ("end_account", "account-did-end-account"),
    ("resume_account", "account-did-resume-account"),
    ("erase_accounts", "account-did-erase-accounts"),
    ("erase_learners", "account-did-erase-learners"),
    ("merge_tombstones", "account-did-merge-tombstones"),
    ("forget", "account-did-forget"),
    ("begin_claim", "account-did-begin-claim"),
    ("change_claim", "account-did-change-claim"),
    ("add_evidence", "account-did-add-evidence"),
    ("remove_evidence", "account-did-remove-evidence"),
    ("submit_claim", "account-did-submit-claim"),
    ("withdraw_claim", "account-did-withdraw-claim"),
    ("accept_claim", "account-did-accept-claim"),
    ("return_claim", "account-did-return-claim"),
    ("reject_claim", "account-did-reject-claim"),
    ("reopen_claim", "account-did-reopen-claim"),
    ("confirm_activity", "account-did-confirm-activity"),
    ("put_term", "account-did-put-term"),
    ("put_profile", "account-did-put-profile"),
    ("file_case", "account-did-file-case"),
    ("move_case", "account-did-move-case"),
    ("erase_case", "account-did-erase-case"),
    ("announce_sample", "account-did-announce-sample"),
    ("draw_sample", "account-did-draw-sample"),
    ("keep_population", "account-did-keep-population"),
    ("clear_population", "account-did-clear-population"),
    ("remind", "account-did-remind"),
];

/// What was done, in words; what has none is shown as the record has it.
pub(super) fn did_in_words(words: Words, action: &str) -> String {
    let key = DONE.iter().find(|(known, _)| *known == action).map(|(_, key)| *key);
    key.map_or_else(|| action.to_owned(), |key| words.say(key))
}
