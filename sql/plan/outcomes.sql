-- A listed object and what has become of it by now, whichever version it was.
-- Key: uri
select
    known.uri,
    known.status,
    known.failure_stage,
    known.failure_error,
    known.failure_message,
    known.failed_at
from known
semi join listed using (uri)
