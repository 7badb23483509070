# What waits.
home-title = To do
home-nothing = Nothing waits for you
home-nothing-text = What you have to do something about appears here.
home-since = The first has been waiting since { $moment }
home-not-built = The certification workflow (application, completeness review, interview, scoring, report) is not built yet, so nothing waits for experts.
home-watches = Your role reads and changes nothing. The ways are above.
home-requirement = { $missing }, to be completed by { $day }, that day included ({ $days ->
    [one] { $days } day
   *[other] { $days } days
} left)
home-requirement-certificate = { $missing }, to be completed by { $day }, when the level certificate expires, that day included ({ $days ->
    [one] { $days } day
   *[other] { $days } days
} left)
home-terms = { $count ->
    [one] Of { $count } CQO no level certificate is registered
   *[other] Of { $count } CQOs no level certificate is registered
}
home-cases = { $count ->
    [one] { $count } complaint or dispute waits for an answer
   *[other] { $count } complaints and disputes wait for an answer
}
home-activities = { $count ->
    [one] { $count } organised activity waits to be confirmed
   *[other] { $count } organised activities wait to be confirmed
}
home-invitations = { $count ->
    [one] { $count } account is invited and not in use yet
   *[other] { $count } accounts are invited and not in use yet
}
home-employees = { $count ->
    [one] { $count } CQO has not met this year's requirement yet
   *[other] { $count } CQOs have not met this year's requirement yet
}
home-returned = { $count ->
    [one] { $count } claim was returned to you: mend it and submit it again
   *[other] { $count } claims were returned to you: mend them and submit them again
}
home-claims = { $count ->
    [one] { $count } claim waits for review
   *[other] { $count } claims wait for review
}
