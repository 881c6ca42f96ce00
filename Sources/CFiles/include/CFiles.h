// What Swift's view of the C library lacks for files.
#pragma once

/// Gives a file or folder within an open folder another name, where nothing has that name yet.
///
/// Returns 0, or an error number; EEXIST where something has the name.
int cf_rename_new(int folder, const char *from, const char *to);
