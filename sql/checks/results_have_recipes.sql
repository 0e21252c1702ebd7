-- The recipe of every result is stored, and its model is the one that answered.
select
    videos.recipe_id,
    videos.video_id,
    'no recipe is stored' as problem
from videos
anti join recipes using (recipe_id)
union all
select distinct
    answers.recipe_id,
    answers.video_id,
    'answered by ' || answers.model_id || ', recipe says ' || recipes.model_id
from answers
inner join recipes using (recipe_id)
where answers.model_id <> recipes.model_id or answers.is_demonstration <> recipes.is_demonstration
