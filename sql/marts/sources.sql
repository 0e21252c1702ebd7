-- A listed object, as of its last listing under whichever recipe.
-- Key: uri
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
from listings
qualify row_number() over (partition by uri order by listed_at desc, recipe_id) = 1
