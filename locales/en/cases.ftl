# Complaints and disputes.
