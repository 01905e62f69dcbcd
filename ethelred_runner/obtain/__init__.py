"""A source becomes a verified copy, and its one column of logins."""
