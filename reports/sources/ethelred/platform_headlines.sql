select * from platform_headlines
