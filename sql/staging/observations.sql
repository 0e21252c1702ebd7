-- The newest observation of an object under a recipe, with its content where anybody has found it out.
-- Key: uri, recipe_id
-- video_id: SHA-256 of the source's bytes, where anybody has hashed this version of it.
-- first_listed_at: When a scan came across the object first, in whichever version.
with

contents as (
    -- a version of an object has one content, whichever run hashed it
    select
        uri,
        size_bytes,
        etag,
        arg_max(video_id, listed_at) as video_id
    from raw.sources
    where video_id is not null
    group by uri, size_bytes, etag
),

newest as (
    select
        *,
        min(listed_at) over (partition by uri, recipe_id) as first_listed_at
    from raw.sources
    qualify row_number() over (
        partition by uri, recipe_id
        order by listed_at desc, video_id nulls last, skip_reason nulls last
    ) = 1
)

select
    newest.uri,
    newest.recipe_id,
    newest.scan_id,
    coalesce(newest.video_id, contents.video_id) as video_id,
    newest.skip_reason,
    newest.size_bytes,
    newest.etag,
    newest.modified_at,
    newest.first_listed_at,
    newest.listed_at
from newest
left join contents
    on contents.uri = newest.uri
    and contents.size_bytes is not distinct from newest.size_bytes
    and contents.etag is not distinct from newest.etag
