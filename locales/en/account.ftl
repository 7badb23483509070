# Sign-in, accounts, administration.
