select * from logins_per_period
