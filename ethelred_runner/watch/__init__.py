"""What operators need to know: status, checks, and the outcome of a run."""
