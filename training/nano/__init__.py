"""GeM-VG nano: a small policy that this project trains itself, from nothing, on composed scenes."""
