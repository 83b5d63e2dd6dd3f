// What every page of the dashboard does beyond plain links and forms.
import "./connection.js";
import "./file-size.js";
import "./send-once.js";
import "./times.js";
import "./clip-marks.js";
import "./copy.js";
import "./details.js";
import "./dialog.js";
import "./focus.js";
import "./reveal.js";
import "./stream-key.js";
import "./thumbnails.js";
import "./filters.js";
import "./suggest-name.js";
