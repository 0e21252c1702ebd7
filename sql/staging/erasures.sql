-- An erasure on demand: its receipt, and what of it is still to be removed until when.
-- Key: receipt_id
-- erased_at: When it began.
-- written_at: When the row was written: later than erased_at where files had to wait.
with

written as (
    select
        * replace (
            coalesce(uri_sha256s, []) as uri_sha256s,
            -- an older facesift wrote a row at the end alone
            coalesce(is_finished, (receipt_json ->> 'is_sure_of_versions')::boolean, true) as is_finished
        )
    from raw.erasures
)

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
    is_finished,
    receipt_json,
    receipt_sha256,
    uri_sha256s,
    written_at
from written
-- what is finished stays so, whatever the clocks say
qualify row_number() over (partition by receipt_id order by is_finished desc, written_at desc) = 1
