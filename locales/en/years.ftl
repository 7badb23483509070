# The annual requirement (9.4.1.2): what a year comes to, and what each record counts and why.
years-year-calendar = Year { $year }
years-year-certificate = Certificate year { $nth }
years-state-met = Met
years-state-open = Not complete yet
years-state-short = Shortfall
years-state-not-due = Nothing due

years-hours-missing = { $hours } credit hours to go
years-activity-none = no training activity organised yet
years-activities-missing = { $count } training { $count ->
    [one] activity
   *[other] activities
} to go
years-and = { $first }; { $second }
years-met = Hours and training activities are both there
years-not-due = The level certificate covers no day of this year, so nothing is due
years-due = due by { $day }
years-activities-of = { $counted } / { $required } training activities
years-activities-free = { $counted } training activities, none due this year

years-no-term = The validity of the level certificate is not registered, so the whole year counts.
years-part = The level certificate covers { $days } of this year, { $count } days, so the hours due are prorated by days.
years-carried = Of these, { $hours } credit hours were carried over from the year before.
years-surplus = { $hours } credit hours more than due.
years-rules = By 9.4.1.2, rulebook { $version }.

years-entries = What counts for this year
years-entry = What
years-when = When
years-recorded = Recorded
years-counted = Counted
years-sealed = Attestation number and time on chain
years-sealed-at = { $number } ({ $at })
years-no-entries = Nothing recorded
years-no-entries-text = There is no study or activity of this year on the chain yet.
years-people = { $count } attended

years-form-lecture = Training lecture
years-form-exchange = Academic exchange
years-form-publication = Publication
years-form-online = Online course
years-form-other = Another form
years-form-activity = Organised training activity
years-activity-counts = counts as 1
years-activity-not = does not count

years-lost = { $hours } credit hours do not count: { $why }
years-why-outside = outside the validity of the level certificate
years-why-repeated = the same course counts once a year
years-why-exchange = more than these days of academic exchange are worth
years-why-publication = more than one publication is worth
years-why-daily-cap = more than counts of one day
years-why-joint = academic exchange and publications have reached their joint maximum
years-lack-outside = outside the validity of the level certificate
years-lack-attendees = { $found } attended, fewer than the { $needed } needed
years-lack-evidence = there is no evidence
years-lack-confirmed = not confirmed by the certifying body yet
