select * from collection_days
