# Providers and employers.
