select * from collection_nights
