# Claim review.
