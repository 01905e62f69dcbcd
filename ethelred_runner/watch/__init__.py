"""What an operator wants to know: what is held, is all here, how a run went."""
