"""Times on the support staff's pages: to the second and with their zone, as they stand in logs."""

DATETIME_FORMAT = "Y-m-d H:i:s T"
