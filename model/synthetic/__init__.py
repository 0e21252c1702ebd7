"""Drawn faces in motion with known truth.

    face, people         who a face is, and random identities
    chart, head          the grid around a head, and its shape at rest
    expression           action units as displacements; the seven prototypes
    skin, facial_hair, relief, tones, paint    textures on the chart
    parts, atlas, hair, hat, glasses, mesh     what else belongs to a head
    camera, raster, shading, canvas, render    pictures: `render_face`, `draw`
    landmarks, attributes                      the truth about a picture
    background, scene, manipulation            shots: people, movement, forgeries
    film, mp4, archive                         films on disk: `write_archive`

OpenCV rasterises strokes and lines into textures, resamples and blurs; the triangles are drawn with NumPy.
"""
