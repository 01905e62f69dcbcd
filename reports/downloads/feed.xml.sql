-- An Atom feed: each row is a line. Its links are relative, so that they work at any address.
with entries as (
    select
        platform,
        cast(md5(platform || kind || happened_on) as uuid) as id,
        happened_on + 1 || 'T00:00:00Z' as updated,
        replace(replace(title, '&', '&amp;'), '<', '&lt;') as title,
        replace(replace(text, '&', '&amp;'), '<', '&lt;') as text,
        row_number() over (order by happened_on desc, platform, kind) as place
    from feed_entries
)

select
    '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB">'
    || '<title>Ethelred</title><author><name>Ethelred</name></author>'
    || '<id>urn:uuid:' || cast(md5('ethelred') as uuid) || '</id><link rel="self" href="feed.xml"/>'
    || '<updated>' || coalesce(max(updated), '1970-01-01T00:00:00Z') || '</updated>' as line
from entries
union all
select line
from (
    select
        '<entry><id>urn:uuid:' || id || '</id><title>' || title || '</title><updated>' || updated
        || '</updated><link href="platforms/' || platform || '/"/><summary>' || text
        || '</summary></entry>' as line
    from entries
    order by place
)
union all
select '</feed>' as line
