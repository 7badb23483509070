# The annual requirement (9.4.1.2): what a year comes to, and what each record counts and why.
annual-year-calendar = Year { $year }
annual-year-certificate = Certificate year { $nth }
annual-state-met = Met
annual-state-open = Not complete yet
annual-state-short = Shortfall
annual-state-not-due = Nothing due

annual-hours-missing = { $hours } credit hours to go
annual-activity-none = no training activity organised yet
annual-activities-missing = { $count } training { $count ->
    [one] activity
   *[other] activities
} to go
annual-and = { $first }; { $second }
annual-met = Hours and training activities are both there
annual-not-due = The level certificate covers no day of this year, so nothing is due
annual-due = due by { $day }
annual-activities-of = { $counted } / { $required } training activities
annual-activities-free = { $counted } training activities, none due this year

annual-no-term = The validity of the level certificate is not registered, so the whole year counts.
annual-part = The level certificate covers { $days } of this year, { $count } days, so the hours due are prorated by days.
annual-carried = Of these, { $hours } credit hours were carried over from the year before.
annual-surplus = { $hours } credit hours more than due.
annual-rules = By 9.4.1.2, rulebook { $version }.

annual-entries = What counts for this year
annual-entry = What
annual-when = When
annual-recorded = Recorded
annual-counted = Counted
annual-sealed = Attestation number and time on chain
annual-sealed-at = { $number } ({ $at })
annual-no-entries = Nothing recorded
annual-no-entries-text = There is no study or activity of this year on the chain yet.
annual-people = { $count } attended

annual-form-lecture = Training lecture
annual-form-exchange = Academic exchange
annual-form-publication = Publication
annual-form-online = Online course
annual-form-other = Another form
annual-form-activity = Organised training activity
annual-activity-counts = counts as 1
annual-activity-not = does not count

annual-lost = { $hours } credit hours do not count: { $why }
annual-why-outside = outside the validity of the level certificate
annual-why-repeated = the same course counts once a year
annual-why-exchange = more than these days of academic exchange are worth
annual-why-publication = more than one publication is worth
annual-why-daily-cap = more than counts of one day
annual-why-joint = academic exchange and publications have reached their joint maximum
annual-lack-outside = outside the validity of the level certificate
annual-lack-attendees = { $found } attended, fewer than the { $needed } needed
annual-lack-evidence = there is no evidence
annual-lack-confirmed = not confirmed by the certifying body yet
