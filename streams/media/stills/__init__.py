"""Small pictures of a broadcast: for the scrub bar, and for lists. They are made by the transcoder; here they are put
together without being decoded, since one worker runs a hundred broadcasts.
"""
