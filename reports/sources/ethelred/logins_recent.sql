select * from logins_recent
