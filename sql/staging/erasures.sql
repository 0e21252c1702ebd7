-- An erasure on demand: its receipt, and what of it is still to be removed until when.
-- Key: receipt_id
-- erased_at: When.
-- written_at: When the row was written: later than erased_at where files had to wait.
select
    receipt_id,
    erased_at,
    selected_by,
    videos,
    rows,
    pictures,
    files_removed,
    files_left,
    left_until,
    receipt_json,
    receipt_sha256,
    written_at
from raw.erasures
qualify row_number() over (partition by receipt_id order by written_at desc) = 1
