select * from months_compared
