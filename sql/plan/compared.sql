-- A listed object beside what the lake knows of this version of it: whether that is news, and whether to read it.
-- Key: uri
select
    listed.position,
    listed.uri,
    listed.size_bytes,
    listed.etag,
    listed.modified_at,
    listed.listed_at,
    listed.skip_reason,
    listed.error,
    listed.message,
    case
        when known.uri is null then true
        -- forgotten on demand
        when known.status = 'skipped' and known.is_settled then false
        when listed.skip_reason is not null
            then known.status <> 'skipped' or known.reason is distinct from listed.skip_reason
        when listed.error is not null
            then known.failure_error is distinct from listed.error
                or known.failure_message is distinct from listed.message
        -- what was skipped by its name may be taken by a later facesift
        else known.status = 'skipped'
    end as is_new,
    listed.skip_reason is null
    and listed.error is null
    and not coalesce(known.is_settled, false) as is_wanted,
    known.failure_error,
    known.failure_attempt
from listed
left join known
    on known.uri = listed.uri
    -- else it has changed since, and nothing is known of what it is now
    and known.size_bytes is not distinct from listed.size_bytes
    and known.etag is not distinct from listed.etag
