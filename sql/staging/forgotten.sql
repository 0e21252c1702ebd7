-- A content that was erased on demand: no view holds a result of it, and no scan reads it.
-- Key: video_id
-- forgotten_at: When.
select
    video_id,
    receipt_id,
    forgotten_at
from raw.forgotten
qualify row_number() over (partition by video_id order by forgotten_at desc, is_lifted) = 1 and not is_lifted
