-- A listed object in its newest version, under the recipe that found out about it last; pending if none has.
-- Key: uri
with

versions as (
    -- a recipe's row is as old as the version: what has not changed since is not recorded again
    select
        *,
        size_bytes is not distinct from first_value(size_bytes) over newest_first
        and etag is not distinct from first_value(etag) over newest_first as is_newest
    from listings
    window newest_first as (partition by uri order by listed_at desc, recipe_id)
)

select
    uri,
    video_id,
    status,
    reason,
    size_bytes,
    etag,
    modified_at,
    listed_at,
    recipe_id,
    scan_id
from versions
qualify row_number() over (
    partition by uri
    order by is_newest desc, status = 'pending', listed_at desc, recipe_id
) = 1
