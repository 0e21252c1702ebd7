-- A run; `finished_at` is null while it runs, and stays so when it was killed.
-- Key: scan_id
select
    scan_id,
    recipe_id,
    archives,
    started_at,
    finished_at,
    sources_listed,
    sources_planned,
    software
from raw.scans
qualify row_number() over (
    partition by scan_id
    order by finished_at desc nulls last, sources_listed desc, sources_planned desc
) = 1
