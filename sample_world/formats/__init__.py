"""One file a source: `write(mirror, seed, scale)` puts its publisher's files where its mirror has them."""
