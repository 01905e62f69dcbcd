select * from day_notes
