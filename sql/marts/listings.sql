-- How far an object of an archive has come under a recipe: exactly one status, and why.
-- Key: uri, recipe_id
-- failed_at: Of a failed one: when.
-- status: done, no_face, failed, duplicate, skipped or pending.
-- reason: Why it is skipped, failed, a duplicate or partial; null where there is nothing to say.
-- failure_stage: Of a failed one: list, fetch, decode, detect, describe or commit.
-- failure_error: Of a failed one: class name of the error.
-- failure_message: Of a failed one: what was wrong.
-- failure_attempt: Of a failed one: which try; 0 where somebody asked for another one.
-- is_settled: True when no scan needs to read this version again under this recipe.
with

holders as (
    -- of the sources with one content, the one that its result belongs to: where it was read, unless that
    -- object holds something else by now; then the one that was listed first
    select
        observations.video_id,
        observations.recipe_id,
        observations.uri,
        videos.faces,
        videos.is_partial,
        videos.partial_reason
    from observations
    inner join videos using (video_id, recipe_id)
    where observations.skip_reason is null
    qualify row_number() over (
        partition by observations.video_id, observations.recipe_id
        order by observations.uri = videos.uri desc, observations.first_listed_at, observations.uri
    ) = 1
),

failed_versions as (
    select *
    from failures
    qualify row_number() over (
        partition by uri, size_bytes, etag, recipe_id
        order by failed_at desc, attempt desc
    ) = 1
),

failed_contents as (
    -- what is final for a content is final under every name that it has
    select *
    from failures
    where video_id is not null
    qualify row_number() over (partition by video_id, recipe_id order by failed_at desc, attempt desc) = 1
),

joined as (
    select
        observations.*,
        holders.uri as holder_uri,
        holders.faces,
        holders.is_partial,
        holders.partial_reason,
        forgotten.video_id is not null as is_forgotten,
        if(of_version.uri is not null, of_version, of_content) as failure
    from observations
    left join holders
        on holders.video_id = observations.video_id
        and holders.recipe_id = observations.recipe_id
    left join forgotten
        on forgotten.video_id = observations.video_id
    left join failed_versions as of_version
        on of_version.uri = observations.uri
        and of_version.recipe_id = observations.recipe_id
        and of_version.size_bytes is not distinct from observations.size_bytes
        and of_version.etag is not distinct from observations.etag
    left join failed_contents as of_content
        on of_content.video_id = observations.video_id
        and of_content.recipe_id = observations.recipe_id
        and not of_content.is_retryable
),

judged as (
    select
        *,
        case
            when skip_reason is not null or is_forgotten then 'skipped'
            when holder_uri <> uri then 'duplicate'
            when faces > 0 then 'done'
            when faces = 0 then 'no_face'
            when failure.uri is not null then 'failed'
            else 'pending'
        end as status
    from joined
)

select
    uri,
    recipe_id,
    video_id,
    status,
    case status
        when 'skipped' then if(is_forgotten, 'forgotten', skip_reason)
        when 'duplicate' then 'same content as ' || holder_uri
        when 'failed' then failure.stage || ': ' || failure.error || ': ' || failure.message
        when 'pending' then null
        else if(is_partial, 'partial: ' || coalesce(partial_reason, 'no reason given'), null)
    end as reason,
    size_bytes,
    etag,
    modified_at,
    first_listed_at,
    listed_at,
    scan_id,
    if(status = 'failed', failure.stage, null) as failure_stage,
    if(status = 'failed', failure.error, null) as failure_error,
    if(status = 'failed', failure.message, null) as failure_message,
    if(status = 'failed', failure.attempt, null) as failure_attempt,
    if(status = 'failed', failure.failed_at, null) as failed_at,
    coalesce(status = 'failed' and failure.is_quarantined, false) as is_quarantined,
    coalesce(
        status in ('done', 'no_face', 'duplicate')
        or is_forgotten
        or (status = 'failed' and not failure.is_retryable),
        false
    ) as is_settled
from judged
