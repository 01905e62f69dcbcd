select * from hours_of_week
