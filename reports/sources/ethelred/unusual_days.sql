select * from unusual_days
