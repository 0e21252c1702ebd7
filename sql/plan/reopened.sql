-- A prefix of a bucket whose listing once broke off, and did not this time.
-- Key: uri
select
    known.uri
from known
anti join listed using (uri)
where known.status = 'failed'
    and known.failure_stage = 'list'
    and ends_with(known.uri, '/')
    and exists (select 1 from listed where starts_with(listed.uri, known.uri))
