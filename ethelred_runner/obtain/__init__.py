"""Obtain verified copies from sources, and extract the column of logins of each."""
