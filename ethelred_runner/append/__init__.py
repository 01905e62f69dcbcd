"""Logins become history: dbt appends them, and the runner checks that nothing is lost."""
