-- A face has a width and a height, and some of it lies in the picture.
select
    boxes.track_id,
    boxes.frame_index,
    boxes.x_px,
    boxes.y_px,
    boxes.w_px,
    boxes.h_px,
    videos.width_px,
    videos.height_px
from boxes
inner join videos using (video_id, recipe_id)
where not (
    isfinite(boxes.x_px + boxes.y_px + boxes.w_px + boxes.h_px)
    and boxes.w_px > 0
    and boxes.h_px > 0
    and boxes.x_px < videos.width_px
    and boxes.y_px < videos.height_px
    and boxes.x_px + boxes.w_px > 0
    and boxes.y_px + boxes.h_px > 0
)
