select * from rejected_by_reason
