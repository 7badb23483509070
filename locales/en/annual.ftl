# The annual requirement (9.4.1.2): what a year comes to, clause by clause.
annual-year = { $year }
annual-certificate-year = Year { $nth } of the certificate of { $day }
annual-met = Met
annual-open = Not complete yet
annual-short = Shortfall
annual-not-due = Nothing due
annual-unregistered = No certificate registered

annual-missing-hours = { $hours ->
    [one] { $hours } credit hour is missing
   *[other] { $hours } credit hours are missing
}
annual-missing-activity = no training activity has been organised yet
annual-missing-activities = { $count ->
    [one] { $count } training activity is missing
   *[other] { $count } training activities are missing
}
annual-both = { $first }; { $second }
annual-due = { $missing }. Please complete by { $day }, that day included.
annual-due-certificate = { $missing }. The level certificate expires on { $day }: please complete by then, that day included.
annual-over = { $missing }. The year is over.
annual-over-certificate = { $missing }. The level certificate expired on { $day }.
annual-unregistered-missing = { $missing }. No level certificate is registered yet; once its validity is, the annual requirement applies.
annual-unregistered-done = Enough for a whole year. No level certificate is registered yet; once its validity is, the annual requirement applies.
annual-short-blocks = { $year } fell short ({ $missing }). It has to be made up before recertification, and so far { $left }. What you do beyond the need of a later year counts.
annual-short-made-up = { $year } fell short ({ $missing }). It is made up, and does not affect recertification.
annual-short-told = { $year } fell short ({ $missing }). It does not affect recertification.
annual-make-up = To make up before recertification: { $left }
annual-all-done = Hours and activity of this year are complete.
annual-nothing-due = The level certificate covers no day of this year: nothing is due.

annual-activity-done = { $count ->
    [one] { $count } training activity organised
   *[other] { $count } training activities organised
}
annual-activity-open = { $count } of { $required } training activities organised
annual-activity-not-due = No activity is due in this year

annual-explained = Clause by clause
annual-explained-by = By rulebook { $version }. On the right, the key of the rulebook that decides.
annual-clause-hours = 9.4.1.2: { $required } credit hours required, { $counted } counted
annual-clause-activities = 9.4.1.2: { $required } activities required, { $counted } counted
annual-carried = { $hours } credit hours carried over from the year before
annual-surplus = { $hours } credit hours more than required
annual-no-term = No term of a level certificate is registered, so the whole year is counted and nothing follows from it
annual-part = The level certificate covers { $days } of this year: the requirement is prorated by days
annual-lost-outside = { $hours } credit hours not counted: outside the days that count in this year
annual-lost-repeat = { $hours } credit hours not counted: the course was finished before in this year
annual-lost-exchange = { $hours } credit hours not counted: more than a day of exchange is worth
annual-lost-publication = { $hours } credit hours not counted: more than a publication is worth
annual-lost-daily = { $hours } credit hours not counted: more than counts of one day
annual-lost-joint = { $hours } credit hours not counted: more than exchange and publication count together
annual-lacks-outside = Not counted: outside the days that count in this year
annual-lacks-attendees = Not counted: { $found } attended, at least { $needed } are needed
annual-lacks-evidence = Not counted: there is no evidence
annual-lacks-confirmation = Not counted: the certifying body has not confirmed it yet

annual-form-lecture = Training lecture
annual-form-exchange = Academic exchange
annual-form-publication = Publication
annual-form-online = Online course
annual-form-other = Other
annual-form-activity = Organised activity
annual-attendees = { $count ->
    [one] { $count } attendee
   *[other] { $count } attendees
}

annual-column-days = Days
annual-column-what = What
annual-column-hours = Credit hours
annual-column-state = State
annual-counted = { $hours } counted
annual-not-counted = Not counted
annual-on-chain = On chain
annual-corrected = Corrected
annual-voided = Voided
annual-voided-why = Voided: { $reason }
annual-at = Attestation { $number }, { $time }
annual-proof = Download proof
annual-no-entries = Nothing is recorded in this year
annual-no-entries-text = Hours that training providers record appear here once they are on the chain. What you attended elsewhere you can claim yourself.
annual-no-entries-others = Hours that training providers record, and claims that were accepted, appear here once they are on the chain.
annual-declined = The certifying body declined to confirm it: { $reason }
