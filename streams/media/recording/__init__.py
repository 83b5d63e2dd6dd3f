"""A broadcast's recording: one MP4, written once from front to back, which is its HLS video on demand as well.

    ftyp | mdat(init) | mdat(segment) | mdat(segment) ... | moov

Each closed segment of a session stands in it in a box of its own that players of MP4 take for data; `moov`, written at
the end, says where in there the samples are. Players of HLS fetch the same segments by their byte ranges, which begin
behind the header of that box.
"""
