#define _GNU_SOURCE
#include "CFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

// Where the file system cannot refuse to replace: a second name of the file, which is refused where there is one, and then the
// first is taken away. A folder has one name only: it replaces an empty one that was made here, and nobody else's.
static int rename_otherwise(int folder, const char *from, const char *to) {
  struct stat info;
  if (fstatat(folder, from, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  if (S_ISDIR(info.st_mode)) {
    if (mkdirat(folder, to, 0700) != 0) return errno;
    if (renameat(folder, from, folder, to) == 0) return 0;
    int error = errno;
    unlinkat(folder, to, AT_REMOVEDIR);
    return error;
  }
  if (linkat(folder, from, folder, to, 0) != 0) return errno;
  return unlinkat(folder, from, 0) == 0 ? 0 : errno;
}

int cf_rename_new(int folder, const char *from, const char *to) {
#ifdef RENAME_NOREPLACE
  if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
#endif
  return rename_otherwise(folder, from, to);
}
