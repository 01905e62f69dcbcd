select * from active_users_per_day
