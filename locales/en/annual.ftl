# The annual requirement.
