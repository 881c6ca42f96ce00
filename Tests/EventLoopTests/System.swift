import Glibc
import TestSupport

/// How many descriptors the process has open.
func openDescriptors() -> Int { Folder.names(in: "/proc/self/fd").count }

/// Seconds that the calling thread has worked.
func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
