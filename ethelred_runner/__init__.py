"""The runner moves files and starts programs. The rules about logins are SQL in models."""
