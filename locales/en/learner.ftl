# The learner's home and entries.
learner-home-lead = { $name }, { $employer }
learner-claim-study = Claim hours
learner-claim-activity = Claim an activity
learner-entries = Entries of { $year }
learner-certificates = Hour certificates
learner-certificates-text = They come by themselves once hours are on the chain, and by year whenever you ask. Whoever gets one can check it without asking this site.
learner-certify-year = Certify { $year }
learner-no-certificates = No hour certificate yet
learner-no-certificates-text = When a course is finished and on the chain, its certificate appears here by itself.
learner-certificate-about = Certificate
learner-certificate-issued = Issued
learner-certificate-files = Download
learner-certificate-pending = On its way to the chain; ready in a moment
learner-certificate-of-course = Course { $course }
learner-certificate-of-entry = One entry
learner-certificate-valid = Valid
learner-certificate-corrected = Entry corrected
learner-certificate-corrected-note = An entry it holds was corrected: please make a new one of the year
learner-certificate-revoked = Revoked
learner-certificate-made = The certificate is made. It can be downloaded once it is on the chain.
learner-certificate-nothing = No hours of this year are on the chain yet, so there is nothing to certify.
learner-file-pdf = PDF, Chinese
learner-file-pdf-en = PDF, English
learner-file-json = Data
learner-file-proof = Proof
learner-earlier = Earlier years
learner-earlier-hours = { $counted } of { $required } credit hours
learner-no-record = No hours are registered for you yet
learner-no-record-text = Your account is not linked to a registered learner. Please ask your training provider or the certifying body to register and link you.
learner-back = Back to my hours

learner-entry-says = What the entry says

learner-entry-form = Form
learner-entry-days = Days
learner-entry-hours = Credit hours
learner-entry-attendees = Attendees
learner-entry-recorder = Recorded by
learner-entry-reviewed = Review
learner-entry-reviewed-clerk = Accepted by a clerk of the certifying body
learner-entry-reviewed-supervisor = Accepted by the supervisor of the certifying body
learner-entry-attested = Attestation
learner-entry-number = Attestation number
learner-entry-block = Block height
learner-entry-time = Sealed at
learner-entry-id = Entry
learner-entry-commitment = Commitment
learner-entry-pending = The entry is received and waits to be sealed, which usually takes a few minutes.
learner-entry-waiting = Not on chain yet
learner-entry-promise = Unaltered since it was sealed, and anyone can check that offline. It does not show that what it says is true.
learner-entry-happened = What happened
learner-entry-happened-sealed = Sealed, attestation number { $number }
learner-entry-happened-corrected = Corrected: { $reason }
learner-entry-happened-voided = Voided: { $reason }
learner-entry-happened-waiting = The correction is not on the chain yet

learner-correction-hours = wrong hours
learner-correction-dates = wrong dates
learner-correction-course = wrong course
learner-correction-name = wrong name
learner-correction-duplicate = recorded twice
learner-correction-not-attended = not attended
learner-correction-fraud = fraud
learner-correction-other = another reason

learner-dispute = Dispute this entry
learner-dispute-text = If the entry is not right, say how. The certifying body will look into it and answer. Where something has to be put right, whoever recorded it makes a correction; the entry itself stays.
learner-dispute-field = What is wrong
learner-dispute-hint = Say what is wrong and what it should be. Please leave out personal data of others.
learner-dispute-send = Send the dispute
learner-dispute-sent = Your dispute is filed. The certifying body will answer.
learner-dispute-received = Received
learner-dispute-in-progress = In progress
learner-dispute-answered = Answered
learner-dispute-since = Dispute { $number }, { $time }

learner-hurry = { $days ->
    [0] Today is the last day of { $year }.
    [one] { $days } day is left of { $year }.
   *[other] { $days } days are left of { $year }.
}
learner-hurry-certificate = { $days ->
    [0] Today is the last day of your level certificate.
    [one] { $days } day is left until your level certificate expires ({ $day }).
   *[other] { $days } days are left until your level certificate expires ({ $day }).
}
learner-returned = { $count ->
    [one] { $count } claim was returned to you: please change it and submit it again.
   *[other] { $count } claims were returned to you: please change them and submit them again.
}
learner-returned-link = See the claims
