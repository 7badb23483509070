# The certifying body.
