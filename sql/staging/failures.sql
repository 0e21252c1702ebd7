-- An attempt that failed, or, as attempt 0, was asked to be tried again; whatever became of its source later.
-- Key: uri, recipe_id, failed_at
select
    uri,
    video_id,
    recipe_id,
    scan_id,
    size_bytes,
    etag,
    stage,
    error,
    message,
    attempt,
    is_retryable,
    is_quarantined,
    failed_at
from raw.failures
