"""A broadcast's recording: one MP4, written once from front to back, which is its HLS video on demand as well.

    ftyp | free        | mdat(init) | mdat(segment) | mdat(segment) ... | moov      while it is recorded
    ftyp | mdat( ....... mdat(init)   mdat(segment)   mdat(segment) ... ) | moov     once it is over

Each closed segment of a session stands in it in a box of its own that players of MP4 take for data; `moov`, written at
the end, says where in there the samples are. Players of HLS fetch the same segments by their byte ranges, which begin
behind the header of that box. The 16 bytes that were kept free become the header of one box that holds all of that:
players who go from box to box, which costs them a request each, have three of them before `moov` is read. Where a
store cannot have them overwritten they stay as they are, which is a valid file as well.
"""
