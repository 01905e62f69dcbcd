"""Where history is kept: one file, or versions in a bucket."""
