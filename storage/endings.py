"""Names that no video and no picture has.

A name is only a hint, so the sets hold what is certain; a name that is not in them is tried. Python's
`mimetypes` does not decide: its table differs between versions, and takes `.3gp` for audio.
"""

from pathlib import PurePath

_KINDS = {
    "text": "csv css htm html ini log md nfo rst rtf tsv txt xml xsd xsl yaml yml",
    "data": "bson db json jsonl ndjson npy npz parquet pkl sqlite sqlite3 toml",
    "a document": "doc docx epub odp ods odt pdf ppt pptx ps tex xls xlsx",
    "a message": "eml mbox msg pst vcf",
    "an archive": "7z bz2 cab gz iso jar lz4 rar tar tbz2 tgz txz whl xz zip zst",
    "sound": "aac ac3 aif aiff alac amr ape au dts flac m4a m4b mid midi mka mp2 mp3 oga opus ra wav wma",
    "subtitles": "ass idx sbv srt ssa vtt",
    # FFmpeg would follow one to other files and addresses.
    "a playlist": "asx cue m3u m3u8 mpd pls sdp smil wpl xspf",
    "a checksum or signature": "asc md5 sfv sha1 sha256 sha512 sig",
    "a program": "bat c cmd cpp dll exe h java js msi o pl ps1 py pyc rb sh so wasm",
    "a drawing": "ai dwg dxf eps svg",
    "a font": "otf ttf woff woff2",
    "side information": "aae cpi lnk lrv srtm thm torrent url xmp",
}
_KIND_OF = {f".{ending}": kind for kind, endings in _KINDS.items() for ending in endings.split()}

_LEFT_BY_SYSTEMS = frozenset({".ds_store", ".localized", "thumbs.db", "desktop.ini"})


def skip_reason(name: str) -> str | None:
    """Return why an object of this name is not considered, or None when it is to be tried.

    Example:
        >>> skip_reason("notes.TXT")
        'text, by its ending .txt'
        >>> skip_reason("IMG_0001.MOV")
    """
    if name.lower() in _LEFT_BY_SYSTEMS:
        return "left by an operating system"
    if name.startswith("._"):
        return "attributes that macOS keeps beside a file"
    ending = PurePath(name).suffix.lower()
    kind = _KIND_OF.get(ending)
    return f"{kind}, by its ending {ending}" if kind else None
