select * from logins_timeseries
