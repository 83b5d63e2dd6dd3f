"""The media plane: pure Python around ffmpeg. It knows values, folders and processes; no rows, no settings."""
