"""What an operator looks at: status, check, and the outcome of a run."""
