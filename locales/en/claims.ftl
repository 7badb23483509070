# Hour claims.
