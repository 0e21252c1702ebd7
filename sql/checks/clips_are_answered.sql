-- A clip has answers, or the reason why it has none.
select
    clips.clip_id,
    clips.no_answer_reason,
    count(answers.clip_id) as answers
from clips
left join answers using (clip_id)
group by clips.clip_id, clips.no_answer_reason
having (count(answers.clip_id) = 0) <> (clips.no_answer_reason is not null)
