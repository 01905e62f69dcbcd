"""Ethelred's runner: it moves files and starts programs; the rules about logins are SQL."""
