select * from daily_figures order by platform, day
