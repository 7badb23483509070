//! Documents for people: the hour certificate as PDF. What is printed comes from the certificate alone, so the same
//! certificate gives the same bytes.
