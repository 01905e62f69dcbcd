select
    (select count(*) from {{ ref('logins') }}) as logins,
    (select coalesce(sum(logins), 0) from {{ ref('logins_per_day') }}) as counted
where logins != counted
