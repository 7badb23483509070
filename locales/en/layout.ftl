# What every page has: head, ways, foot, parts.
layout-product = CQO training hours
layout-language = English
layout-languages = Language
layout-skip = Skip to the content
layout-menu = Menu
layout-navigation = Main navigation
layout-sign-in = Sign in
layout-sign-out = Sign out
layout-account = Account and security
layout-switch-role = Switch role
layout-verify = Check an hour certificate

layout-role-learner = CQO
layout-role-provider-staff = Training provider
layout-role-employer = Employer
layout-role-clerk = Certifying body, clerk
layout-role-expert = Expert
layout-role-panel-leader = Panel leader
layout-role-supervisor = Certifying body, supervisor
layout-role-auditor = Auditor
layout-role-competent-authority = Competent authority
layout-role-administrator = Administrator

layout-nav-todo = To do
layout-nav-home = My hours
layout-nav-claims = Hour claims
layout-nav-provider = Learners and entries
layout-nav-employer = Our people
layout-nav-review = Claim review
layout-nav-cqos = Annual requirement
layout-nav-cases = Complaints and disputes
layout-nav-samples = Audit samples
layout-nav-profile = Profile
layout-nav-organisations = Organisations
layout-nav-events = What happened
layout-nav-accounts = Accounts

layout-hours = { $hours ->
    [one] { $hours } credit hour
   *[other] { $hours } credit hours
}
layout-day = { layout-day-of-year } { $year }
layout-day-of-month = { $day }
layout-day-of-year = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
}
layout-days = { $first } to { $last }
layout-instant = { $day }, { $time }

layout-tone-good = Done
layout-tone-warn = Note
layout-tone-bad = That did not work
layout-mistake = { $field } { $problem }
layout-mistakes = { $count ->
    [one] { $count } thing to correct
   *[other] { $count } things to correct
}
layout-optional = (optional)
layout-choose = Please choose
layout-page = Page { $page } of { $pages }
layout-pages = Pages
layout-rows = { $rows ->
    [one] { $rows } row
   *[other] { $rows } rows
}
layout-previous = Previous
layout-next = Next
layout-ring = { $done } of { $required } credit hours done
layout-ring-of = of { $required } credit hours
layout-total = Total
layout-yes = Done
layout-no = Not done

layout-foot-promise = Unaltered since it was sealed on the chain; anyone can check it offline.
layout-foot-body = Certifying body: { $name }
layout-foot-filing = Filing number: { $number }
layout-foot-complaints = Complaints and suggestions
layout-foot-version = cqo-ledger { $version }

layout-trouble-home = Go to the first page
layout-trouble-stale = Please send it again
layout-trouble-stale-text = This page has expired, or the form did not come from this site. Go back, reload the page, and send it once more.
layout-trouble-forbidden = Your role cannot do this
layout-trouble-forbidden-text = If you have several roles, switch in the menu at the top; if you should be able to do this, ask the administrator.
layout-trouble-unreadable = What was sent cannot be read
layout-trouble-unreadable-text = Go back and fill in the form again.
layout-trouble-large = Too much
layout-trouble-large-text = A file or text is above its limit. Make it smaller and try again.
layout-trouble-invalid = Some of it has to be corrected
layout-trouble-invalid-text = Nothing was saved. Go back and correct what is named below.
layout-trouble-missing = Not found
layout-trouble-missing-text = There is no such thing here, or it is not yours to see.
layout-trouble-erased = Erased
layout-trouble-erased-text = This was erased for good, as the person asked.
layout-trouble-conflict = Not possible now
layout-trouble-conflict-text = Somebody else may have changed it just now, or its state does not allow it. Go back and look at it again.
layout-trouble-read-only = Read-only for now
layout-trouble-read-only-text = The system is being confirmed after a restore: it can be read and not changed.
layout-trouble-internal = Something failed here
layout-trouble-internal-text = What was saved is not lost. Try again later; if it goes on, tell the administrator.
layout-trouble-busy = Busy
layout-trouble-busy-text = This cannot be done just now. Please try again in a moment.
layout-trouble-nowhere = No such page
layout-trouble-nowhere-text = The address may have a mistake in it, or the page is not here any more. Check the address, or start again from the first page.
layout-trouble-way = Not in this way
layout-trouble-way-text = This address cannot be opened directly, and takes nothing sent like this. Start from the first page, and use its links and buttons.
layout-trouble-slow = It took too long
layout-trouble-slow-text = The request did not come to its end in time: look at your connection. If you sent something, see first whether it was saved before you send it again.
layout-trouble-often = Too many requests
layout-trouble-often-text = This request was not handled, and nothing was saved. What you typed is usually still there when you go back.
layout-trouble-wait = Wait { $seconds ->
    [one] { $seconds } second
   *[other] { $seconds } seconds
}, then reload this page, or go back and send it again.
