# The learner's home and entries.
