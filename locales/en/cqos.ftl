# How CQOs stand, as the certifying body sees it, and as an employer sees its own people.
cqos-title = How CQOs stand
cqos-lead = Each year every CQO needs enough credit hours and at least one organised training activity (9.4.1.2).
cqos-year = Year
cqos-state = State
cqos-employer = Employer
cqos-name = Name
cqos-all = All
cqos-filter = Filter
cqos-reset = Clear
cqos-download = Download the list (XLSX)
cqos-waiting = Activities to confirm
cqos-people = CQOs
cqos-chart = How each employer's CQOs stand
cqos-chart-more = The { $shown } employers with the most CQOs, of { $count }.
cqos-no-employer = No employer registered
cqos-list = CQOs
cqos-hours = Hours
cqos-activities = Activities
cqos-missing = Missing
cqos-decided-by = Counted by rulebook { $version }.
cqos-unregistered = { $count ->
    [one] Of { $count } CQO no level certificate is registered; once its validity is, the annual requirement applies.
   *[other] Of { $count } CQOs no level certificate is registered; once its validity is, the annual requirement applies.
}
cqos-unregistered-link = See and register
cqos-unreadable = { $count ->
    [one] The records of { $count } person cannot be read and are left out: the operator finds more in the log.
   *[other] The records of { $count } people cannot be read and are left out: the operator finds more in the log.
}
cqos-none = No CQO matches
cqos-none-text = Change the filter, or clear it.

cqos-cqo = CQO
cqos-learner = Learner's id
cqos-providers = Registered by
cqos-term = Validity of the level certificate
cqos-term-none = not registered
cqos-term-next = Note the next level certificate
cqos-term-text = It decides in which years hours are due, and how they are prorated when it covers a year in part. After a recertification note the new one; the one before stays.
cqos-term-correct = Correct the validity
cqos-term-correct-text = Correct days that were noted wrongly, or end it before its time. Every correction leaves a trace.
cqos-term-back = Back to the CQO
cqos-term-editions = How it came to be noted
cqos-term-added = { $days } noted
cqos-term-corrected = { $before } corrected to { $after }
cqos-term-taken-away = { $days } removed
cqos-term-first = First day
cqos-term-last = Last day
cqos-term-save = Save the validity
cqos-term-saved = The validity is saved
cqos-term-remove = Remove the validity
cqos-term-remove-text = Only where there is no such certificate. Nothing is due in that time then.
cqos-term-conflicted = It is about you or an organisation of yours: somebody else has to note the validity
cqos-term-removed = The validity is removed
cqos-back = Back to the list

cqos-activities-title = Activities to confirm
cqos-activities-lead = An activity that a training provider recorded counts once the certifying body has confirmed it.
cqos-activities-none = Nothing to confirm
cqos-activities-none-text = New activities appear here once they are on the chain.
cqos-topic = Topic
cqos-held = Held on
cqos-attendees = Attendees
cqos-evidence = Evidence
cqos-recorder = Recorded by
cqos-decision = Confirmation
cqos-confirm = Confirm this activity
cqos-confirmed = The activity is confirmed
cqos-conflicted = It is about you or your own organisation: somebody else has to confirm it

cqos-employees-title = CQOs of this organisation
cqos-employees-lead = Hours and training activities of this year of the CQOs who serve this organisation.
cqos-employees-none = No CQO is registered as serving this organisation
cqos-employees-none-text = Training providers and the certifying body register whom a CQO serves.

cqos-activities-not-asked = The rules in effect do not ask the certifying body to confirm activities.
cqos-activities-waiting = Waiting
cqos-activities-declined = Declined
cqos-decline = Decline
cqos-decline-text = The activity does not count, and the CQO sees the reason. It can be taken back.
cqos-decline-reason = Reason
cqos-decline-do = Decline
cqos-declined = The activity was declined
cqos-undo = Take the refusal back
cqos-undone = Taken back: the activity waits again
cqos-activity-stale = The activity was corrected or decided about just now. Read what it says before you decide.
